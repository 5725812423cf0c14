import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasNoState, keepState, makeStateDirectory, removeState } from "../../../src/bootstrap/state-directory.ts";
import { TsmcpError } from "../../../src/core/errors.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("a directory of the user's keeps its mode and what else lies in it", () => {
  const path = temporaryDirectory();
  mkdirSync(join(path, "mine"));
  const { mode } = statSync(path);
  makeStateDirectory({ path, isUsers: true });
  expect(hasNoState(path)).toBe(true);
  writeFileSync(join(path, "tailscaled.state"), "");
  mkdirSync(join(path, "certs"));
  expect(hasNoState(path)).toBe(false);
  removeState({ path, isUsers: true });
  expect(readdirSync(path)).toEqual(["mine"]);
  expect(statSync(path).mode).toBe(mode);
});

test("what lay in a directory of the user's before the start stays, whatever its name", () => {
  const path = temporaryDirectory();
  for (const name of ["files", "certs"]) {
    mkdirSync(join(path, name));
    writeFileSync(join(path, name, "mine"), "");
  }
  for (const _start of [1, 2]) makeStateDirectory({ path, isUsers: true });
  writeFileSync(join(path, "tailscaled.state"), "");
  mkdirSync(join(path, "profile-data"));
  removeState({ path, isUsers: true });
  expect(readdirSync(path)).toEqual(["certs", "files"]);
  expect(readdirSync(join(path, "files"))).toEqual(["mine"]);
});

test("what the user puts there between two starts stays, and the state of the first goes", () => {
  const path = temporaryDirectory();
  makeStateDirectory({ path, isUsers: true });
  writeFileSync(join(path, "tailscaled.state"), "");
  keepState({ path, isUsers: true });
  mkdirSync(join(path, "certs"));
  makeStateDirectory({ path, isUsers: true });
  removeState({ path, isUsers: true });
  expect(readdirSync(path)).toEqual(["certs"]);
});

test("a directory that tailscaled was never started in loses nothing", () => {
  const path = temporaryDirectory();
  writeFileSync(join(path, "tailscaled.state"), "");
  keepState({ path, isUsers: true });
  removeState({ path, isUsers: true });
  keepState({ path: join(path, "gone"), isUsers: true });
  expect(readdirSync(path)).toEqual(["tailscaled.state"]);
});

test("a new directory is closed to others, and one of ours goes as a whole", () => {
  const root = temporaryDirectory();
  for (const isUsers of [true, false]) {
    const path = join(root, "a", `${isUsers}`);
    expect(hasNoState(path)).toBe(true);
    makeStateDirectory({ path, isUsers });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    writeFileSync(join(path, "other"), "");
    removeState({ path, isUsers });
    expect(existsSync(join(path, "other"))).toBe(isUsers);
  }
});

test("a link is refused, because the node's private key would lie elsewhere", () => {
  const root = temporaryDirectory();
  symlinkSync(temporaryDirectory(), join(root, "link"));
  expect(() => makeStateDirectory({ path: join(root, "link"), isUsers: true })).toThrow("is a symbolic link");
});

test("a place where no directory can be made is told, not thrown as the system says it", () => {
  const root = temporaryDirectory();
  writeFileSync(join(root, "file"), "");
  for (const isUsers of [true, false]) {
    for (const path of [join(root, "file"), join(root, "file/below"), "/proc/none"]) {
      expect(() => makeStateDirectory({ path, isUsers })).toThrow(TsmcpError);
    }
  }
});
