import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer } from "node:http2";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { exposure } from "../../../../src/gateway/exposure/exposure.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";
import { startWhois } from "../../../fakes/whois.ts";

const nodes = { "100.64.0.1": { StableID: "nAlice", login: "alice@example.com" } };

test.each([
  ["private", "100.64.0.1", "tailnet"],
  ["private", "100.64.0.2", "public"],
  ["public", "100.64.0.1", "public"],
] as const)("a request over HTTP/2 to the %s listener from %s gets the %s view", async (listener, address, view) => {
  const tailnet = exposure({ socket: (await startWhois(nodes)).socket });
  const path = join(temporaryDirectory(), "s");
  const server = createServer((request, response) => {
    // Node's compatibility layer is another class, and holds what is asked for.
    const asked = request as unknown as IncomingMessage;
    void tailnet.see(asked, listener).then((seen) => {
      if (seen.view === "public") seen.answer(asked, response as unknown as ServerResponse);
      else response.end(seen.caller.login ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  const session = connect("http://localhost", { path } as object);
  onTestFinished(() => session.destroy());
  const ask = async (method: string, body: string) => {
    const stream = session.request({
      ":method": method,
      ":path": "/mcp",
      "x-forwarded-for": address,
      "content-type": "application/json",
    });
    let status = 0;
    stream.on("response", (head) => {
      status = head[":status"] ?? 0;
    });
    stream.end(body);
    return { body: await text(stream), status };
  };
  const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
  const { body } = await ask("POST", initialize);
  expect(body).toContain(view === "tailnet" ? "alice@example.com" : '"name":"tsmcp-public"');
  if (view === "public") expect(await ask("PUT", initialize)).toMatchObject({ status: 405 });
  if (view === "public") expect(await ask("POST", "x".repeat(200_000))).toMatchObject({ status: 413 });
});
