import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, readdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../src/core/secrets.ts";
import { openSecretDescriptor } from "../../../src/tailscale/secret-descriptor.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("a child reads the secret from its descriptor as often as it wants, and no file has a name", () => {
  const directory = temporaryDirectory();
  const descriptor = openSecretDescriptor(new Secret("tskey-auth-1", "test"), directory);
  onTestFinished(() => closeSync(descriptor));
  const script = "cat /proc/self/fd/3; echo; cat /proc/self/fd/3";
  const read = execFileSync("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit", descriptor] });
  expect(read.toString()).toBe("tskey-auth-1\ntskey-auth-1");
  const stat = fstatSync(descriptor);
  expect([stat.mode & 0o777, stat.nlink]).toEqual([0o600, 0]);
  expect(readdirSync(directory)).toEqual([]);
});
