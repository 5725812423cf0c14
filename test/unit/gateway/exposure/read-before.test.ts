import { createServer, request } from "node:http";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { exposure } from "../../../../src/gateway/exposure/exposure.ts";
import type { PublicSeen } from "../../../../src/gateway/exposure/seen.ts";
import { takeTurn } from "../../../../src/gateway/public-side.ts";
import { listen } from "../../../fakes/listening.ts";
import { startWhois } from "../../../fakes/whois.ts";

const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
const url = "https://n.ts.net/mcp";
const headers = { "content-type": "application/json" };

async function seenOutside(asked: Parameters<ReturnType<typeof exposure>["see"]>[0]): Promise<PublicSeen> {
  const tailnet = exposure({ socket: (await startWhois({})).socket });
  const seen = await tailnet.see(asked, "public");
  if (seen.view !== "public") throw new Error("the public listener shows the public view");
  return seen;
}

/** What is sent as `body` is read as a framework's middleware does, kept as it says, and answered. */
async function answeredAfter(
  keep: "as body" | "as argument" | "nowhere",
  made: (body: string) => unknown,
  body: string,
) {
  const server = createServer((incoming, response) => {
    void text(incoming).then(async (read) => {
      if (keep === "as body") Object.assign(incoming, { body: made(read) });
      const seen = await seenOutside(incoming);
      if (keep === "as argument") seen.answer(incoming, response, made(read));
      else seen.answer(incoming, response);
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, method: "POST", headers, agent: false }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject);
    });
    asking.once("error", reject).end(body);
  });
}

const asIs = (body: string): unknown => body;
const opened = { status: 200, body: expect.stringContaining('"name":"tsmcp-public"') };

test.each([
  ["parsed, in request.body", "as body", JSON.parse, initialize, opened],
  ["as text, in request.body", "as body", asIs, initialize, opened],
  ["as bytes, in request.body", "as body", (read: string) => Buffer.from(read), initialize, opened],
  ["parsed, and handed over", "as argument", JSON.parse, initialize, opened],
  ["and thrown away", "nowhere", asIs, initialize, { status: 400, body: expect.stringContaining("Invalid request") }],
  ["as something that is no JSON", "as body", () => 1n, initialize, { status: 400 }],
  ["with more than the internet has to say", "as body", asIs, "x".repeat(65_537), { status: 413 }],
] as const)("a body that was read before, %s, is answered", async (_what, keep, made, body, expected) => {
  expect(await answeredAfter(keep, made, body)).toMatchObject(expected);
});

test("the body of a web-standard request may have been read before too, or break off", async () => {
  const asked = (body: NonNullable<RequestInit["body"]>) =>
    new Request(url, { method: "POST", headers, body, duplex: "half" });
  const read = asked(initialize);
  const parsed: unknown = await read.json();
  const seen = await seenOutside(read);
  expect(await (await seen.response(read, parsed)).text()).toContain('"name":"tsmcp-public"');
  expect((await seen.response(read)).status).toBe(400);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("the caller has gone")) });
  expect((await seen.response(asked(broken))).status).toBe(400);
});

test.each([
  ["GET", undefined, 1],
  ["POST", "0", 1],
  ["POST", "200", 1],
  ["POST", "65536", 9],
  ["POST", "99999999999", 9],
  ["POST", undefined, 9],
  ["POST", "no number", 9],
])("a %s with a length of %s has to wait as long as %i do", async (method, length, cost) => {
  const costs: (number | undefined)[] = [];
  const turn = (asked?: number): true | false => costs.push(asked) > 0;
  expect(await takeTurn({ turn, refusal: () => Promise.resolve() }, { method, length })).toBe(true);
  expect(costs).toEqual([cost]);
});
