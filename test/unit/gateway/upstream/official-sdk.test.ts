import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Message } from "../../../../src/mcp/message.ts";
import { stdioUpstream } from "../../../fakes/stdio-upstream.ts";
import { callOf, openSession, request, textOf, toolCall } from "../../../fakes/upstream-caller.ts";

const program = {
  command: process.execPath,
  args: ["--import", "tsx", fileURLToPath(new URL("../../../peers/sdk2-server.ts", import.meta.url))],
  env: { PATH: process.env.PATH ?? "" },
  cwd: fileURLToPath(new URL("../../../..", import.meta.url)),
};
const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

test("callers of both eras are served by the official SDK's server over stdio, at once", {
  timeout: 30_000,
}, async () => {
  const { upstream } = stdioUpstream({ program });
  const ask = (id: string | number, name: string, progressToken?: string) =>
    request(id, "tools/call", { name, arguments: {}, _meta: { ..._meta, ...(progressToken && { progressToken }) } });
  const [session, discovery] = await Promise.all([
    openSession(upstream, "ann"),
    upstream.request(request(1, "server/discover", { _meta }), callOf("bob")),
  ]);
  expect(discovery.outcome).toMatchObject({ result: { resultType: "complete", supportedVersions: ["2026-07-28"] } });
  const listed = await session.request(request(1, "tools/list"), callOf("ann"));
  expect(listed.outcome).toHaveProperty("result.tools.length", 3);
  const pids = await Promise.all([
    session.request(toolCall(2, "pid"), callOf("ann")),
    upstream.request(ask(2, "pid"), callOf("bob")),
  ]);
  expect(pids.map(textOf)).toEqual([expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
  const heard: Message[] = [];
  const hear = (message: Message) => heard.push(message);
  const call = toolCall(3, "progress");
  await session.request({ ...call, params: { ...call.params, _meta: { progressToken: "t" } } }, callOf("ann", hear));
  await upstream.request(ask(3, "progress", "t"), callOf("bob", hear));
  const progress = { method: "notifications/progress", params: { progressToken: "t", progress: 1 } };
  expect(heard).toMatchObject([progress, progress]);
});

test("a subscription at the official SDK's server is acknowledged, told of changes and ended under the caller's own id", {
  timeout: 30_000,
}, async () => {
  const { upstream } = stdioUpstream({ program });
  const gone = new AbortController();
  const heard: Message[] = [];
  const listen = request("sub", "subscriptions/listen", { notifications: { toolsListChanged: true }, _meta });
  const listening = upstream.request(
    listen,
    callOf("bob", (message) => heard.push(message), gone.signal),
  );
  await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(1);
  await upstream.request(request(2, "tools/call", { name: "change", arguments: {}, _meta }), callOf("ann"));
  await expect.poll(() => heard.length).toBe(2);
  const id = { _meta: { "io.modelcontextprotocol/subscriptionId": "sub" } };
  expect(heard).toMatchObject([
    { method: "notifications/subscriptions/acknowledged", params: id },
    { method: "notifications/tools/list_changed", params: id },
  ]);
  gone.abort(new Error("left"));
  await expect(listening).rejects.toThrow("left");
});
