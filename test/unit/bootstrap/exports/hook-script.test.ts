import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hookScript } from "../../../../src/bootstrap/exports/hook-script.ts";
import type { ProcessIdentity } from "../../../../src/core/record.ts";
import { identityOf } from "../../../../src/process/identity.ts";

/** Real shells; one that is not on this machine is left out. */
const shells: [string, string[]][] = [
  ["dash", ["/usr/bin/dash"]],
  ["busybox sh", ["/usr/bin/busybox", "sh"]],
  ["bash", ["/usr/bin/bash"]],
  ["bash --posix", ["/usr/bin/bash", "--posix"]],
  ["zsh", ["/usr/bin/zsh", "-f"]],
];
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

let root = "";
let daemon: { child: ChildProcess; port: number; identity: ProcessIdentity };

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tsmcp-hook-"));
  daemon = await startListener("127.0.0.1");
});
afterAll(() => {
  daemon.child.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

async function startListener(host: string, uid?: number) {
  const program = `require("node:net").createServer().listen(0, "${host}", function () { console.log(this.address().port) })`;
  const child = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, cwd: "/" }),
  });
  const [line] = await once(child.stdout, "data");
  const identity = identityOf(child.pid ?? 0);
  if (identity === undefined) throw new Error("the listener has ended");
  return { child, port: Number(String(line)), identity };
}

interface Case {
  readonly identity?: ProcessIdentity | undefined;
  readonly port?: number;
  readonly host?: string;
  readonly boot?: string;
  readonly uid?: number;
  readonly env?: Record<string, string>;
  /** Run after the file is sourced. */
  readonly afterwards?: string;
  readonly before?: string;
}

function source(shell: readonly string[], options: Case = {}): string {
  const { boot = bootId, host = "127.0.0.1", port = daemon.port } = options;
  const script = join(root, "proxy.sh");
  const facts = {
    bootId: boot,
    proxy: { host, port },
    daemon: "identity" in options ? options.identity : daemon.identity,
    uid: options.uid ?? process.getuid?.() ?? 0,
  };
  writeFileSync(script, hookScript(facts));
  const [file = "", ...args] = shell;
  const afterwards = options.afterwards ?? "/usr/bin/env | /usr/bin/grep -i proxy | /usr/bin/sort";
  const line = `set -eu; ${options.before ?? ":"}; . '${script}'; ${afterwards}`;
  const env = { PATH: "/nonexistent", ...options.env };
  const stdio = ["ignore", "pipe", "pipe"] as const;
  // What it says on stderr is part of what it prints: it has to be silent.
  return execFileSync(file, [...args, "-c", `exec 2>&1; ${line}`], { env, stdio: [...stdio], encoding: "utf8" });
}

const all = (port: number, noProxy = "localhost,127.0.0.1,::1"): string =>
  [
    `ALL_PROXY=socks5h://127.0.0.1:${port}`,
    `HTTPS_PROXY=http://127.0.0.1:${port}`,
    `HTTP_PROXY=http://127.0.0.1:${port}`,
    `NO_PROXY=${noProxy}`,
    `TSMCP_PROXY=http://127.0.0.1:${port}`,
    `all_proxy=socks5h://127.0.0.1:${port}`,
    `http_proxy=http://127.0.0.1:${port}`,
    `https_proxy=http://127.0.0.1:${port}`,
    `no_proxy=${noProxy}`,
  ].join("\n");
const sorted = (text: string): string => text.trim().split("\n").sort().join("\n");
const nothing = "/usr/bin/env | /usr/bin/grep -i proxy || :";

describe.each(shells.filter(([, [file = ""]]) => existsSync(file)))("the hook in %s", (_name, shell) => {
  test("exports every variable when the proxy answers, also a second time", () => {
    expect(sorted(source(shell))).toBe(sorted(all(daemon.port)));
    const twice = source(shell, { before: `. '${join(root, "proxy.sh")}'` });
    expect(sorted(twice)).toBe(sorted(all(daemon.port)));
  });

  test("exports when nobody knows the daemon's process and the port listens", () => {
    expect(sorted(source(shell, { identity: undefined }))).toBe(sorted(all(daemon.port)));
  });

  test("keeps what NO_PROXY had", () => {
    const output = source(shell, { env: { NO_PROXY: "*.corp.example,localhost" } });
    expect(sorted(output)).toBe(sorted(all(daemon.port, "*.corp.example,localhost,127.0.0.1,::1")));
  });

  test.each(["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])("adds only TSMCP_PROXY when the platform set %s", (name) => {
    const output = source(shell, { env: { [name]: "http://egress.example:3128" } });
    expect(sorted(output)).toBe(
      sorted(`${name}=http://egress.example:3128\nTSMCP_PROXY=http://127.0.0.1:${daemon.port}`),
    );
  });

  test.each<[string, () => Case]>([
    ["the process is another", () => ({ identity: { ...daemon.identity, startTicks: "1" } })],
    ["the process is gone", () => ({ identity: { pid: 2 ** 22 + 1, startTicks: "1" } })],
    ["the boot is another", () => ({ boot: "00000000-0000-0000-0000-000000000000" })],
    ["nobody listens", () => ({ port: 1 })],
    ["another address listens", () => ({ host: "127.0.0.2" })],
    ["only IPv4 listens", () => ({ host: "::1" })],
  ])("exports nothing and is silent when %s", (_title, options) => {
    expect(source(shell, { ...options(), afterwards: nothing })).toBe("");
  });

  test("takes back what an older shell handed down when the proxy is gone, and nothing else", () => {
    const env = {
      TSMCP_PROXY: "http://127.0.0.1:1",
      ALL_PROXY: "socks5h://127.0.0.1:1",
      https_proxy: "http://127.0.0.1:1",
      HTTP_PROXY: "http://egress.example:3128",
    };
    expect(source(shell, { port: 1, env, afterwards: nothing })).toBe("HTTP_PROXY=http://egress.example:3128\n");
  });

  test("replaces what an older shell handed down when the proxy has moved", () => {
    const env = {
      TSMCP_PROXY: "http://127.0.0.1:1",
      ALL_PROXY: "socks5h://127.0.0.1:1",
      https_proxy: "http://127.0.0.1:1",
    };
    expect(sorted(source(shell, { env }))).toBe(sorted(all(daemon.port)));
    const gone = source(shell, { env, boot: "another", afterwards: nothing });
    expect(gone).toBe("");
  });

  test("leaves no name and no option behind", () => {
    const afterwards = "set | /usr/bin/grep -c '^__tsmcp' || :; echo $-";
    const script = join(root, "empty.sh");
    writeFileSync(script, "");
    const options = source(shell, { afterwards: "echo $-" });
    expect(source(shell, { afterwards })).toBe(`0\n${options}`);
    expect(options).toContain("u");
  });
});

test("the hook exports for a proxy on ::1", async () => {
  const listener = await startListener("::1");
  const output = source(["/bin/sh"], { host: "::1", port: listener.port, identity: listener.identity });
  listener.child.kill("SIGKILL");
  expect(output).toContain(`TSMCP_PROXY=http://[::1]:${listener.port}\n`);
});

const others = 65_534;
test.runIf(process.getuid?.() === 0).each(shells.filter(([, [file = ""]]) => existsSync(file)))(
  "the hook in %s exports nothing when another user has the port, whoever asks",
  async (_name, shell) => {
    const listener = await startListener("127.0.0.1", others);
    const { port } = listener;
    const [asRoot, asOwner] = [0, others].map((uid) =>
      source(shell, { port, uid, identity: undefined, afterwards: nothing }),
    );
    listener.child.kill("SIGKILL");
    expect(asRoot).toBe("");
    expect(asOwner).toContain(`TSMCP_PROXY=http://127.0.0.1:${port}\n`);
  },
);

test("the hook exports nothing while the daemon is stopped", async () => {
  const listener = await startListener("127.0.0.1");
  listener.child.kill("SIGSTOP");
  const { port, identity } = listener;
  await expect
    .poll(() => readFileSync(`/proc/${identity.pid}/stat`, "utf8").split(") ")[1]?.[0], { timeout: 4_000 })
    .toBe("T");
  const output = source(["/bin/sh"], { port, identity, afterwards: nothing });
  listener.child.kill("SIGKILL");
  expect(output).toBe("");
});
