import { chmodSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layoutOf } from "../../../src/bootstrap/layout.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const socketIn = (directory: string): string => layoutOf(directory, { kind: "boot" }, { env: {} }).socket;

test("the socket lies behind a home that is a link, by the path that has none", () => {
  const home = realpathSync(temporaryDirectory());
  mkdirSync(join(home, "real"));
  symlinkSync("real", join(home, "link"));
  expect(socketIn(join(home, "link/.local/state"))).toBe(join(home, "real/.local/state/tailscaled.sock"));
});

test("the socket lies in memory when others can write a directory above it", () => {
  const home = realpathSync(temporaryDirectory());
  mkdirSync(join(home, ".local"));
  expect(socketIn(join(home, ".local/state"))).toBe(join(home, ".local/state/tailscaled.sock"));
  chmodSync(join(home, ".local"), 0o775);
  expect(socketIn(join(home, ".local/state"))).toMatch(/^\/dev\/shm\/tsmcp-\d+\/[0-9a-f]{16}\.sock$/);
});
