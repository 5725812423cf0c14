import { expect, test } from "vitest";
import { writtenResult } from "../../../../src/gateway/public/written-result.ts";
import { pinOf } from "./pin.ts";

const plain = pinOf({ name: "search" });
const structured = pinOf({
  name: "search",
  outputSchema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
});
const text = { type: "text", text: "found" };

test.each([
  [
    "text, image and sound pass",
    plain,
    { content: [text, { type: "image", data: "aa", mimeType: "image/png" }] },
    null,
  ],
  [
    "what stands beside them does not",
    plain,
    { content: [{ ...text, _meta: { a: 1 }, annotations: { audience: ["user"] } }], _meta: { trace: "x" }, more: 1 },
    { content: [text] },
  ],
  [
    "links and resources are left out",
    plain,
    {
      content: [
        { type: "resource_link", uri: "notes://secret", name: "s" },
        { type: "resource", resource: { uri: "notes://secret", text: "s" } },
        { type: "new", uri: "notes://secret" },
        text,
      ],
    },
    { content: [text] },
  ],
  ["an error of the tool passes", plain, { content: [text], isError: true }, null],
  [
    "content that is not promised is left out",
    plain,
    { content: [text], structuredContent: { n: 1 } },
    { content: [text] },
  ],
  ["content as promised passes", structured, { content: [text], structuredContent: { n: 1 } }, null],
  ["other content than promised fails", structured, { content: [text], structuredContent: { n: "1" } }, undefined],
  ["content that is missing fails", structured, { content: [text] }, undefined],
  ["a question fails", plain, { resultType: "input_required", inputRequests: {}, requestState: "s" }, undefined],
  ["a task fails", plain, { task: { taskId: "t" } }, undefined],
  ["what is too large fails", plain, { content: [{ type: "text", text: "x".repeat(5 * 1024 * 1024) }] }, undefined],
])("%s", (_what, pin, result, written) => {
  expect(writtenResult(result, pin)).toEqual(written === null ? result : written);
});
