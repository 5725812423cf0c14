import { describe, expect, test } from "vitest";
import { judgeSiege } from "../../../src/doctor/checks/separation-unfinished.ts";
import type { LaboratoryEvent } from "../../../src/doctor/intrusive/laboratory.ts";
import { bodyOf, keepTranscript } from "../../../src/doctor/intrusive/transcript.ts";
import { nothingSeen, type Sighting } from "../../../src/doctor/probe/look.ts";

const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Keeps a transcript of these events. */
function transcriptOf(...events: readonly LaboratoryEvent[]) {
  return keepTranscript({
    insider: { login: "", address: "" },
    watch(listener) {
      for (const event of events) listener(event);
      return () => {};
    },
  });
}

const asked = (connection: number): LaboratoryEvent => ({ kind: "asked", connection });
const said = (connection: number, text: string): LaboratoryEvent => ({
  kind: "said",
  connection,
  bytes: Buffer.from(text),
});

describe("a transcript", () => {
  test.each([
    {
      title: "each request has its answer",
      events: [asked(1), said(1, answer("a")), asked(1), said(1, answer("b"))],
      unasked: [],
    },
    {
      title: "an answer comes that nobody asked for",
      events: [asked(1), said(1, answer("a") + answer("b"))],
      unasked: [answer("b")],
    },
    {
      title: "an answer comes in pieces",
      events: [asked(1), said(1, "HTTP/1.1 2"), said(1, "00 OK\r\n\r\n")],
      unasked: [],
    },
    {
      title: "an interim answer comes first",
      events: [asked(1), said(1, `HTTP/1.1 100 Continue\r\n\r\n${answer("a")}`)],
      unasked: [],
    },
    {
      title: "two connections answer once each",
      events: [asked(1), asked(2), said(2, answer("a")), said(1, answer("b"))],
      unasked: [],
    },
  ])("has $unasked.length unasked answers when $title", ({ events, unasked }) => {
    expect(transcriptOf(...events).unasked()).toEqual(unasked);
  });

  test("gives a body back out of its chunks when it has any", () => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(String(bodyOf(`${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`))).toBe("abcde");
    expect(String(bodyOf(answer("abc")))).toBe("abc");
  });
});

describe("unfinished requests", () => {
  const seen = (tools: readonly string[]): Sighting => ({
    ...nothingSeen,
    opening: "legacy",
    kind: tools.length > 0 ? "listed" : "broken",
    opened: true,
    reason: tools.length > 0 ? "HTTP 200" : "no whole answer",
    tools,
  });

  test.each([
    { during: ["a"], after: ["a"], status: "pass" },
    { during: [], after: ["a"], status: "fail" },
    { during: ["a"], after: [], status: "fail" },
  ] as const)("are a $status when the tailnet sees $during beside them and $after after them", (row) => {
    const found = {
      kind: "held",
      requests: 24,
      during: seen(row.during),
      after: seen(row.after),
      tools: ["a"],
    } as const;
    expect(judgeSiege(found).status).toBe(row.status);
  });
});
