import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { down } from "../../../src/bootstrap/down.ts";
import { layoutOf } from "../../../src/bootstrap/layout.ts";
import { readBootstrapStatus } from "../../../src/bootstrap/status.ts";
import type { BootstrapWorld } from "../../../src/bootstrap/world.ts";
import { makeRuntimeDirectory, runtimeDirectories } from "../../../src/core/runtime-directory.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const nobody = 65_534;

function worldIn(root: string): BootstrapWorld & { readonly warnings: string[] } {
  const home = join(root, "home");
  const shmDirectory = join(root, "shm");
  for (const path of [home, shmDirectory]) mkdirSync(path);
  const warnings: string[] = [];
  const log = { info() {}, debug() {}, warn: (text: string) => void warnings.push(text) };
  return { env: { HOME: home }, shmDirectory, log, signal: new AbortController().signal, warnings };
}

test.runIf(process.getuid?.() === 0)("down touches nothing below a directory that another user made", async () => {
  const root = temporaryDirectory();
  const world = worldIn(root);
  const [, shared = ""] = runtimeDirectories(world);
  const victim = join(root, "victim.conf");
  writeFileSync(victim, "root's");
  mkdirSync(join(shared, "state"), { recursive: true });
  symlinkSync(victim, join(shared, "working"));
  for (const path of [dirname(shared), shared]) chownSync(path, nobody, nobody);
  await down({ keepLogin: false, timeoutMs: 30_000 }, world);
  expect(readFileSync(victim, "utf8")).toBe("root's");
  expect(existsSync(join(shared, "state"))).toBe(true);
});

test.runIf(process.getuid?.() === 0)("down follows no link to another directory", async () => {
  const root = temporaryDirectory();
  const world = worldIn(root);
  const [, shared = ""] = runtimeDirectories(world);
  mkdirSync(join(root, "victim/state"), { recursive: true });
  mkdirSync(dirname(shared));
  symlinkSync(join(root, "victim"), shared);
  await down({ keepLogin: false, timeoutMs: 30_000 }, world);
  expect(existsSync(join(root, "victim/state"))).toBe(true);
});

test.runIf(process.getuid?.() === 0)("status asks no socket below a directory that another user made", async () => {
  const world = worldIn(temporaryDirectory());
  const [, shared = ""] = runtimeDirectories(world);
  mkdirSync(shared, { recursive: true });
  for (const path of [dirname(shared), shared]) chownSync(path, nobody, nobody);
  const { socket } = layoutOf(shared, { kind: "boot" }, world);
  writeFileSync(socket, "");
  expect((await readBootstrapStatus({ socket: undefined }, world)).socket).not.toBe(socket);
});

test("down empties no file through a link that is where it marks its work", async () => {
  const root = temporaryDirectory();
  const world = worldIn(root);
  const victim = join(root, "mine");
  writeFileSync(victim, "text");
  symlinkSync(victim, join(makeRuntimeDirectory(world), "working"));
  await down({ keepLogin: false, timeoutMs: 30_000 }, world);
  expect(readFileSync(victim, "utf8")).toBe("text");
});

test("down names the node that it could not log out, and says nothing when the login is kept", async () => {
  const world = worldIn(temporaryDirectory());
  const { stateDir } = layoutOf(makeRuntimeDirectory(world), { kind: "boot" }, world);
  mkdirSync(stateDir);
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
  const state = { _profiles: encoded({ a: { Key: "profile-a" } }), "profile-a": encoded({ Hostname: "vm" }) };
  writeFileSync(join(stateDir, "tailscaled.state"), JSON.stringify(state));
  await down({ keepLogin: true, timeoutMs: 30_000 }, world);
  expect(world.warnings).toEqual([]);
  for (const _time of [1, 2]) await down({ keepLogin: false, timeoutMs: 30_000 }, world);
  expect(world.warnings).toEqual(["vm was not logged out: it stays in the tailnet until it is removed there"]);
});
