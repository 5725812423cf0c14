import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installFromDistribution } from "../../../../src/bootstrap/acquire/from-distribution.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";
import { plainRequest } from "../plain-request.ts";

const allowed = { isRoot: true, startsServices: false };

/** A machine whose package manager is a script; what it was called with stands in the file "calls". */
function machineWith(scripts: Readonly<Record<string, string>>) {
  const bin = temporaryDirectory();
  const calls = join(bin, "calls");
  writeFileSync(calls, "");
  for (const [name, script] of Object.entries(scripts)) {
    const text = `#!/bin/sh\necho "${name} $*" >> '${calls}'\ncd '${bin}'\n${script}\n`;
    writeFileSync(join(bin, name), text, { mode: 0o755 });
  }
  const said: string[] = [];
  const log = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line), debug() {} };
  const world = { env: { PATH: bin, HOME: bin }, log, signal: new AbortController().signal };
  return { bin, world, said, calls: () => readFileSync(calls, "utf8").trim().split("\n").filter(Boolean) };
}

const putsPrograms = "for name in tailscale tailscaled; do printf '#!/bin/sh\\n' > $name; /bin/chmod 755 $name; done";
const request = { ...plainRequest.acquire, mayUsePackage: true };

describe("the distribution's package", () => {
  it.each([
    [
      "apt",
      { "apt-cache": "echo 'Package: tailscale\nVersion: 1.98.4-1'", "apt-get": putsPrograms },
      "1.98.4-1",
      "apt-get install --yes --quiet --no-install-recommends tailscale",
    ],
    [
      "dnf",
      { dnf: `case $2 in list) echo 'tailscale.x86_64  1:1.98.4-1.fc43  updates' ;; *) ${putsPrograms} ;; esac` },
      "1.98.4-1.fc43",
      "dnf --quiet --assumeyes install tailscale",
    ],
    [
      "apk",
      { apk: `case $2 in search) echo tailscale-1.98.4-r0 ;; *) ${putsPrograms} ;; esac` },
      "1.98.4-r0",
      "apk --no-cache --no-interactive add tailscale",
    ],
  ])("is installed by %s when the configured sources have it", async (_name, scripts, version, call) => {
    const { bin, world, said, calls } = machineWith(scripts);
    expect(await installFromDistribution(request, world, allowed)).toEqual({
      kind: "found",
      tailscale: join(bin, "tailscale"),
      tailscaled: join(bin, "tailscaled"),
    });
    expect(calls().at(-1)).toBe(call);
    expect(said).toEqual([
      `installing the distribution's tailscale ${version} with ${join(bin, call.split(" ")[0] ?? "")}`,
    ]);
  });

  const apt = { "apt-cache": "echo 'Version: 1.98.4-1'", "apt-get": putsPrograms };
  it.each([
    ["this user is not root", apt, request, { ...allowed, isRoot: false }],
    ["it would start a service", apt, request, { ...allowed, startsServices: true }],
    ["something was asked for that it could not be", apt, { ...request, mayUsePackage: false }, allowed],
    ["there is no package manager", {}, request, allowed],
    ["the sources do not have it", { ...apt, "apt-cache": "exit 100" }, request, allowed],
    ["it is too old", { ...apt, "apt-cache": "echo 'Version: 1.58.2-1'" }, request, allowed],
    ["its version cannot be read", { ...apt, "apt-cache": "echo 'Version: next'" }, request, allowed],
  ])("is left alone when %s", async (_when, scripts, asked, machine) => {
    const { world, said, calls } = machineWith(scripts);
    expect(await installFromDistribution(asked, world, machine)).toBeUndefined();
    expect(calls().filter((call) => call.startsWith("apt-get"))).toEqual([]);
    expect(said).toEqual([]);
  });

  it.each([
    ["fails", "echo 'E: could not get lock' >&2; exit 100", "E: could not get lock"],
    ["installs something else", "exit 0", "its programs are not where programs are"],
  ])("is given up with a word when its manager %s", async (_when, script, reason) => {
    const { bin, world, said } = machineWith({ ...apt, "apt-get": script });
    expect(await installFromDistribution(request, world, allowed)).toBeUndefined();
    expect(said.at(-1)).toBe(`${join(bin, "apt-get")} did not install tailscale: ${reason}`);
  });
});
