import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { connections } from "../bench/connections.ts";
import { openHttpSession } from "../bench/http-session.ts";
import { canRunAsOther, otherUser } from "../fakes/other-user.ts";
import { startTailscaled } from "../fakes/tailscaled.ts";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { startLoneGateway } from "./gateway-alone.ts";

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));

test.runIf(canRunAsOther(program)).each([
  ["the gateway's own user reaches its key and sockets, which is said", undefined, "reached"],
  ["another user reaches neither", `${otherUser.uid}:${otherUser.gid}`, "EACCES"],
])("a server that runs as %s", async (_what, user, said) => {
  const directory = mkdtempSync(join(temporaryBase(), "tsmcp-children-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const daemon = await startTailscaled(directory);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const notes = { command: process.execPath, args: [program], ...(user === undefined ? {} : { user }) };
  const gateway = await startLoneGateway({ directory, socket: daemon.socket, upstreams: { notes } });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const agent = connections(true);
  onTestFinished(() => agent.destroy());
  const headers = { "x-forwarded-for": "100.64.0.7" };
  const session = await openHttpSession({ port: gateway.port, path: `${gateway.prefix}/mcp/notes`, headers }, agent);
  const key = join(directory, "home/.local/state/tsmcp/gateway/sealing-key");
  expect(await session.call(key, "reach")).toBe(said);
  expect(await session.call(join(directory, "admin.sock"), "reach")).toBe(said);
  expect(gateway.log().includes("notes: runs as this user")).toBe(user === undefined);
});

test("a server behind the gateway has none of the descriptors that the gateway was started with", async () => {
  const directory = mkdtempSync(join(temporaryBase(), "tsmcp-children-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const daemon = await startTailscaled(directory);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const upstreams = { notes: { command: process.execPath, args: [program] } };
  const gateway = await startLoneGateway({ directory, socket: daemon.socket, upstreams, leaksDescriptor: true });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const agent = connections(true);
  onTestFinished(() => agent.destroy());
  const headers = { "x-forwarded-for": "100.64.0.7" };
  const door = { port: gateway.port, path: `${gateway.prefix}/mcp/notes`, headers };
  const session = await openHttpSession(door, agent);
  const descriptors = (await session.call("", "descriptors")).split(" ");
  expect(descriptors).toContain("2");
  expect(descriptors).not.toContain("41");
});
