import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDaemon } from "../../../src/sandbox/daemon/daemon.ts";
import { noFaults } from "../../../src/sandbox/faults.ts";
import { createTailnet } from "../../../src/sandbox/people.ts";
import type { ProgramWorld } from "../../../src/sandbox/program/program.ts";
import { runTailscale } from "../../../src/sandbox/program/tailscale.ts";
import { runTailscaled } from "../../../src/sandbox/program/tailscaled.ts";
import { type Sandbox, startSandbox } from "../../../src/sandbox/sandbox.ts";
import { listen } from "../../fakes/listening.ts";
import { exchange } from "../../parity/proxies.ts";

interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a stand-in's program on the server. */
async function runStandIn(name: "tailscale" | "tailscaled", argv: readonly string[]): Promise<Said> {
  const tailnet = createTailnet({ version: "1.102.5", callers: {} });
  const control = { tailnet, faults: noFaults(), keys: [] };
  const defaultSocket = "/nonexistent/tailscaled.sock";
  const server = createDaemon(defaultSocket, control, tailnet.server);
  const world: ProgramWorld = {
    ...control,
    daemons: new Map([[defaultSocket, server]]),
    defaultSocket,
    killers: new Map(),
  };
  let [stdout, stderr] = ["", ""];
  const call = {
    argv,
    files: {},
    hostname: "vm",
    write: (text: string) => {
      stdout += text;
    },
    writeError: (text: string) => {
      stderr += text;
    },
    takes: () => {},
    kill: () => {},
    signal: AbortSignal.abort(),
  };
  const exitCode = await (name === "tailscale" ? runTailscale(call, world) : runTailscaled(call, world, () => {}));
  return { exitCode, stdout, stderr };
}

describe("the stand-in for tailscale", () => {
  it.each([
    "serve --bg --tcp=5432 3000",
    "serve --bg --tls-terminated-tcp 5432 3000",
    "serve --bg --proxy-protocol=1 3000",
    "serve --bg --http=80 3000",
    "serve --bg --service=svc:notes 3000",
    "serve --tun",
    "serve drain svc:notes",
    "serve set-config file",
    "funnel --bg --tcp=443 3000",
    "up --advertise-routes=10.0.0.0/8",
    "up --ssh",
    "status --web",
    "debug watch-ipn",
  ])("says that it does not imitate what it is asked when that is %s", async (line) => {
    const done = await runStandIn("tailscale", line.split(" "));
    expect(done).toMatchObject({ exitCode: 1, stdout: "" });
    expect(done.stderr).toMatch(/^the sandbox does not imitate "tailscale [^"]+"\n$/);
  });

  it.each(["text:hello", "/tmp", "https://localhost:3000", "https+insecure://localhost:3000", "http://10.0.0.1:3000"])(
    "says that it serves no %s when that is to be served",
    async (target) => {
      const done = await runStandIn("tailscale", ["serve", "--bg", target]);
      expect(done).toMatchObject({ exitCode: 1, stdout: "" });
      expect(done.stderr).toContain(`the sandbox serves no ${JSON.stringify(target)}`);
    },
  );

  it("names what it knows when it is asked for another subcommand", async () => {
    expect(await runStandIn("tailscale", ["cert", "host"])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "tailscale: unknown subcommand: cert (the sandbox knows up, down, logout, status, ip, whois, debug, serve, funnel)\n",
    });
  });
});

describe("the stand-in for tailscaled", () => {
  it.each(["--tun=tailscale0", "--cleanup", "--config=file"])("says so when it is asked for %s", async (flag) => {
    const done = await runStandIn("tailscaled", [flag]);
    expect(done).toMatchObject({ exitCode: 1, stdout: "" });
    expect(done.stderr).toMatch(/the sandbox (does not imitate|imitates --tun=userspace-networking alone)/);
  });
});

describe("a caller's proxy", () => {
  it("says that it does not imitate http:// when somebody is there", async () => {
    await using sandbox = await startSandbox();
    const server = createServer();
    const port = await listen(server);
    onTestFinished(() => void server.close());
    const answer = await askPlainly(sandbox, `http://${sandbox.host}:${port}/`);
    expect(answer).toContain("HTTP/1.1 501 Not Implemented");
    expect(answer).toContain("the sandbox does not imitate http:// through a proxy; use CONNECT");
  });

  it("answers 502 as the real one does when nobody is there", async () => {
    await using sandbox = await startSandbox();
    expect(await askPlainly(sandbox, "http://nowhere.invalid/")).toContain("HTTP/1.1 502 Bad Gateway");
  });
});

function askPlainly({ callers }: Sandbox, url: string): Promise<string> {
  const port = Number(new URL(callers.user.proxy ?? "").port);
  return exchange(port, Buffer.from(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`));
}
