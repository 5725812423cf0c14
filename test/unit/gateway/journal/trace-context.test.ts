import { expect, test } from "vitest";
import { belowSpan, parentOf, readTraceParent } from "../../../../src/gateway/journal/trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const text = `00-${traceId}-00f067aa0ba902b7-01`;
const theirs = { traceId, spanId: "00f067aa0ba902b7", traceFlags: 1 };
const ours = { traceId, spanId: "b7ad6b7169203331", traceFlags: 1 };
const asking = (params?: Record<string, unknown>) =>
  ({ kind: "request", id: 1, method: "tools/list", params }) as const;

test.for([
  ["a span that is sampled", text, theirs],
  ["one that is not", `00-${traceId}-00f067aa0ba902b7-00`, { ...theirs, traceFlags: 0 }],
  ["one with marks of later versions", `00-${traceId}-00f067aa0ba902b7-ff`, theirs],
  ["capitals", text.toUpperCase(), undefined],
  ["another version", text.replace("00-", "cc-"), undefined],
  ["more than there is", `${text}-x`, undefined],
  ["two of them", `${text}, ${text}`, undefined],
  ["a line break", `${text}\n`, undefined],
  ["no trace", text.replace(traceId, "0".repeat(32)), undefined],
  ["no span", text.replace("00f067aa0ba902b7", "0".repeat(16)), undefined],
  ["nothing", "", undefined],
] as const)("a traceparent that names %s is read as such", ([, given, expected]) => {
  expect(readTraceParent(given)).toEqual(expected);
});

test("a caller of the tailnet is believed, by header before message, and the internet is not", () => {
  const request = asking({ _meta: { traceparent: text } });
  expect(parentOf({ view: "private", traceparent: undefined, request })).toEqual(theirs);
  const header = text.replace("00f067aa0ba902b7", "aaaaaaaaaaaaaaaa");
  expect(parentOf({ view: "private", traceparent: header, request })?.spanId).toBe("aaaaaaaaaaaaaaaa");
  expect(parentOf({ view: "public", traceparent: text, request })).toBeUndefined();
});

test("what goes on is below our span, with the rest of its message as it was", () => {
  const request = asking({ cursor: "x", _meta: { progressToken: 1, traceparent: text, tracestate: "a=b" } });
  expect(belowSpan(request, ours).params).toEqual({
    cursor: "x",
    _meta: { progressToken: 1, traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: "a=b" },
  });
  expect(belowSpan(asking(), { ...ours, traceFlags: 0 }).params).toEqual({
    _meta: { traceparent: `00-${traceId}-b7ad6b7169203331-00` },
  });
});

test("the state of another trace goes no further", () => {
  const other = { ...ours, traceId: "1".repeat(32) };
  for (const traceparent of [text, "made up"]) {
    const { params } = belowSpan(asking({ _meta: { traceparent, tracestate: "a=b" } }), other);
    expect(params).toEqual({ _meta: { traceparent: `00-${"1".repeat(32)}-b7ad6b7169203331-01` } });
  }
});
