import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { framingCases, sendBytes } from "../parity/framing.ts";
import {
  type ParityWorld,
  type RawBackend,
  startRawBackend,
  startRealWorld,
  startSandboxWorld,
} from "../parity/world.ts";

let real: ParityWorld;
let sandbox: ParityWorld;
let backend: RawBackend;

beforeAll(async () => {
  [real, sandbox, backend] = await Promise.all([startRealWorld(), startSandboxWorld(), startRawBackend()]);
  for (const world of [real, sandbox]) await world.funnel({ port: 443, target: `http://127.0.0.1:${backend.port}` });
});

afterAll(async () => {
  for (const part of [real, sandbox, backend]) await part?.[Symbol.asyncDispose]();
});

describe("the bytes of a request through the sandbox", () => {
  it.each(framingCases)("arrive and are answered as on the real tailnet when $title", async (request) => {
    const [theirs, ours] = await Promise.all(
      [real, sandbox].map(async (world) => plain(world.normalised(await sendBytes(world.publicEnd, request)))),
    );
    expect(ours).toEqual(theirs);
  });
});

/** Without the dates, the lengths that names make differ, and the order of an answer's headers. */
function plain(text: string): readonly (readonly string[])[] {
  return text.split("\r\n\r\n").map((part) => {
    const [first = "", ...lines] = part
      .split("\r\n")
      .filter((line) => !line.startsWith("Date:"))
      .map((line) => line.replace(/^Content-Length: \d{3}$/, "Content-Length: NNN"));
    return [first, ...lines.toSorted()];
  });
}
