import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import { exposing, stands } from "./expose-scene.ts";
import { startTsmcp, tsmcp } from "./tsmcp.ts";

let sandbox: Sandbox;
let upstream: GateServer;
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(temporaryBase(), "tsmcp-expose-"));
  [sandbox, upstream] = await Promise.all([startSandbox(), startGate({ gate: () => true })]);
});

afterAll(async () => {
  await upstream?.[Symbol.asyncDispose]();
  await sandbox?.close();
  rmSync(home, { recursive: true, force: true });
});

test("the sandbox's stand-ins are exposed and proven as a node of a tailnet is, in the foreground and in the background", async () => {
  const { binDir, socket } = sandbox;
  const env = { ...sandbox.env("agent"), HOME: home, PATH: `${binDir}:${process.env.PATH}`, TSMCP_SOCKET: socket };
  const place = { env, workspace: home };
  const url = `http://127.0.0.1:${upstream.port}/mcp`;
  const tools = () => tsmcp(["tools", "--server", `https://${sandbox.host}:8443/mcp`, "--json"], place);

  const running = exposing(startTsmcp(["expose", url], place));
  await running.says(stands);
  await running.says("proof: pass");
  for (const tool of upstream.tools) expect((await tools()).stdout).toContain(tool);
  expect((await running.end()).exitCode).toBe(0);
  expect((await tools()).exitCode).toBe(1);

  expect(await tsmcp(["expose", url, "--bg"], place)).toMatchObject({ exitCode: 0 });
  for (const tool of upstream.tools) expect((await tools()).stdout).toContain(tool);
  expect((await tsmcp(["expose", "--off"], place)).exitCode).toBe(0);
  expect((await tools()).exitCode).toBe(1);
});

test("a server that is named behind -- is exposed in the background too", async () => {
  const { binDir, socket } = sandbox;
  const env = { ...sandbox.env("agent"), HOME: home, PATH: `${binDir}:${process.env.PATH}`, TSMCP_SOCKET: socket };
  const place = { env, workspace: home };
  const url = `http://127.0.0.1:${upstream.port}/mcp`;
  expect(await tsmcp(["expose", "--bg", "--", url], place)).toMatchObject({ exitCode: 0 });
  expect((await tsmcp(["expose", "--off"], place)).stdout).toContain("was taken away");
});
