import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { daemonEnvironment } from "../../../src/tailscale/daemon-environment.ts";
import { locateProgram, locatePrograms } from "../../../src/tailscale/locate.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

let home = "";
beforeEach(() => {
  home = temporaryDirectory();
  for (const name of ["bin", "repo/node_modules/.bin", "repo/tools", "loose/tools"]) program(name);
  mkdirSync(at("repo/.git"));
  mkdirSync(at("repo/src"));
});

const at = (name: string): string => join(home, name);
function program(directory: string): void {
  mkdirSync(at(directory), { recursive: true });
  writeFileSync(join(at(directory), "tailscale"), "#!/bin/sh\n", { mode: 0o755 });
}
function located(cwd: string, ...path: string[]): string | undefined {
  return locateProgram("tailscale", { HOME: home, PATH: [...path, at("bin")].join(":") }, at(cwd));
}

test.each(["/node_modules/.bin", "/node_modules/.bin/", "//node_modules/./.bin", "/xfs-01cafe2f"])(
  "locateProgram leaves out %s, which package managers put first on PATH",
  (bin) => {
    program("repo/xfs-01cafe2f");
    expect(located("loose", at("repo") + bin)).toBe(at("bin/tailscale"));
  },
);

test("locateProgram leaves out every directory of the repository that it stands in", () => {
  expect(located("repo/src", at("repo/tools"))).toBe(at("bin/tailscale"));
  expect(located("repo", at("repo"), at("repo/tools"))).toBe(at("bin/tailscale"));
});

test("locateProgram leaves out relative directories and empty ones", () => {
  expect(located("loose", "", ".", "tools")).toBe(at("bin/tailscale"));
});

test("locateProgram keeps what is below the working directory when no repository brought it", () => {
  expect(located("loose", at("loose/tools"))).toBe(at("loose/tools/tailscale"));
  // The home can be a repository of its user's.
  mkdirSync(at(".git"));
  expect(located(".", at("loose/tools"))).toBe(at("loose/tools/tailscale"));
});

test("daemonEnvironment hands on no directory of PATH that a repository brings", () => {
  const env = { HOME: home, PATH: [at("repo/node_modules/.bin"), at("repo/tools"), ".", at("bin")].join(":") };
  expect(daemonEnvironment({ env, logsDir: "/logs", deadProxies: [], cwd: at("repo") }).PATH).toBe(at("bin"));
});

test("locatePrograms says which program was left out when there is no other", () => {
  const env = { HOME: home, PATH: at("repo/node_modules/.bin") };
  expect(locatePrograms(env)).toMatchObject({ refused: [at("repo/node_modules/.bin/tailscale")] });
});
