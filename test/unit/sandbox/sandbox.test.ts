import { existsSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { dial } from "../../../src/net/dial.ts";
import { tlsOver } from "../../../src/net/tls.ts";
import type { Sandbox, SandboxOptions } from "../../../src/sandbox/options.ts";
import { startSandbox } from "../../../src/sandbox/sandbox.ts";
import type { CallerName } from "../../../src/sandbox/tailnet.ts";
import { listen } from "../../fakes/listening.ts";
import { run } from "../../tailnet/harness/run.ts";
import { until } from "../../tailnet/harness/until.ts";

/** Starts a sandbox in front of a backend that echoes headers, on 8443 by Serve and on 443 by Funnel. */
async function sandboxWithEcho(
  options: SandboxOptions = {},
): Promise<Sandbox & { readonly connections: () => number }> {
  let connections = 0;
  const backend = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  backend.on("connection", () => {
    connections += 1;
  });
  const target = `http://127.0.0.1:${await listenUntilFinished(backend)}`;
  const sandbox = await startSandbox({
    ...options,
    serve: [
      { port: 8443, target, acceptAppCaps: ["example.com/cap/mcp"] },
      { port: 443, target, funnel: true },
    ],
  });
  onTestFinished(() => sandbox.close());
  return { ...sandbox, connections: () => connections };
}

async function listenUntilFinished(server: Server): Promise<number> {
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return port;
}

async function headersSeen(
  sandbox: Sandbox,
  caller: CallerName,
  { port, args = [] }: { port: number; args?: readonly string[] },
): Promise<IncomingHttpHeaders> {
  const url = `https://${sandbox.host}:${port}/`;
  const done = await run("curl", ["-sS", "--max-time", "5", ...args, ...sandbox.callers[caller].curl(url)], {
    env: { PATH: process.env.PATH },
  });
  if (done.exitCode !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

describe("a sandbox's callers", () => {
  it.each([
    ["user", { "tailscale-user-login": "alice@example.com", "x-forwarded-for": "100.64.0.3" }],
    ["agent", { "tailscale-app-capabilities": expect.stringContaining("tools"), "x-forwarded-for": "100.64.0.4" }],
    ["stranger", { "x-forwarded-for": "100.64.0.5" }],
    ["guest", { "tailscale-user-login": "mallory@example.org", "x-forwarded-for": "100.64.0.6" }],
  ] as const)("are told apart by what Serve says of %s", async (caller, wanted) => {
    const sandbox = await sandboxWithEcho();
    const { host } = sandbox;
    const headers = await headersSeen(sandbox, caller, { port: 8443 });
    expect(headers).toMatchObject({ ...wanted, "x-forwarded-host": `${host}:8443` });
    expect("tailscale-user-login" in headers).toBe("tailscale-user-login" in wanted);
  });

  it("reach the server by ports of this machine as well as by their proxies", async () => {
    const sandbox = await sandboxWithEcho();
    const { connectTo } = sandbox.callers.agent;
    const done = await run(
      "curl",
      [
        "-sS",
        "--cacert",
        sandbox.caFile,
        ...connectTo.flatMap((rule) => ["--connect-to", rule]),
        `https://${sandbox.host}:8443/`,
      ],
      { env: { PATH: process.env.PATH } },
    );
    expect(JSON.parse(done.stdout)).toMatchObject({ "x-forwarded-for": "100.64.0.4" });
  });

  it("are each somebody else when they come from the internet", async () => {
    const sandbox = await sandboxWithEcho();
    const first = await headersSeen(sandbox, "internet", { port: 443 });
    const second = await headersSeen(sandbox, "internet", { port: 443 });
    expect(first["tailscale-funnel-request"]).toBe("?1");
    expect(first["x-forwarded-for"]).not.toBe(second["x-forwarded-for"]);
  });

  it.each([
    { title: "an open port", caller: "internet", at: ":443", answers: "200", mark: "?1" },
    { title: "a port that only the tailnet has", caller: "internet", at: ":8443", answers: "000", mark: undefined },
    { title: "a port that Funnel never has", caller: "internet", at: ":9999", answers: "000", mark: undefined },
    { title: "the tailnet's port", caller: "agent", at: ":8443", answers: "200", mark: undefined },
  ] as const)("get by their tunnels what they get otherwise: the $caller at $title", async (row) => {
    const sandbox = await sandboxWithEcho();
    const url = `https://${sandbox.host}${row.at}/`;
    const { tunnel } = sandbox.callers[row.caller];
    const args = ["-sS", "--cacert", sandbox.caFile, "--proxy", tunnel, "-w", "\n%{http_code}", url];
    const [body = "", status] = (await run("curl", args, { env: { PATH: process.env.PATH } })).stdout.split("\n");
    expect(status).toBe(row.answers);
    expect(body === "" ? undefined : JSON.parse(body)["tailscale-funnel-request"]).toBe(row.mark);
  });

  it("get from the internet's tunnel to no other place, this machine's own included", async () => {
    const sandbox = await sandboxWithEcho();
    const { tunnel, proxy } = sandbox.callers.internet;
    expect(proxy).toBeUndefined();
    for (const place of ["127.0.0.1:1", "localhost:443", `agent.${sandbox.suffix}:443`, "example.com:443"]) {
      const args = ["-sS", "--proxy", tunnel, `https://${place}/`];
      const done = await run("curl", args, { env: { PATH: process.env.PATH } });
      expect(done.stderr).toContain("500");
    }
  });

  it("share one connection to a backend, whether they come by Serve or by Funnel", async () => {
    const sandbox = await sandboxWithEcho();
    await headersSeen(sandbox, "user", { port: 8443 });
    await headersSeen(sandbox, "internet", { port: 443 });
    expect(sandbox.connections()).toBe(1);
  });

  it("may open as many streams as tailscaled allows", async () => {
    const sandbox = await sandboxWithEcho();
    const [, , address = "", port = ""] = (sandbox.callers.agent.connectTo[1] ?? "").split(":");
    const socket = await dial({ host: address, port: Number(port) }, undefined, { timeoutMs: 2_000 });
    const tls = await tlsOver(socket, { servername: sandbox.host, alpn: ["h2"], ca: sandbox.ca });
    const session = connectHttp2(`https://${sandbox.host}`, { createConnection: () => tls.socket });
    onTestFinished(() => session.destroy());
    const settings = await new Promise((resolve) => session.once("remoteSettings", resolve));
    expect(settings).toMatchObject({ maxConcurrentStreams: 250, initialWindowSize: 1 << 20, maxFrameSize: 1 << 20 });
  });
});

describe("an older version's sandbox", () => {
  const forged = ["-H", 'Tailscale-App-Capabilities: {"forged":[{}]}', "-H", "Tailscale-Funnel-Request: ?0"];

  it.each([
    ["1.102.5", { funnel: "?1", capabilities: undefined }],
    ["1.92", { funnel: "?1", capabilities: undefined }],
    ["1.90", { funnel: "?1", capabilities: '{"forged":[{}]}' }],
    ["1.70", { funnel: "?0", capabilities: '{"forged":[{}]}' }],
  ])("lets the internet forge what %s lets through", async (version, { funnel, capabilities }) => {
    const sandbox = await sandboxWithEcho({ version });
    const headers = await headersSeen(sandbox, "internet", { port: 443, args: forged });
    expect(headers["tailscale-funnel-request"]).toBe(funnel);
    expect(headers["tailscale-app-capabilities"]).toBe(capabilities);
  });

  it.each(["1.40", "2.0", "new"])("is refused when it would be %s", async (version) => {
    await expect(startSandbox({ version })).rejects.toMatchObject({ name: "TsmcpError" });
  });
});

describe("a sandbox", () => {
  it("ends handshakes as tailscaled does when its certificate is ordered to be expired", async () => {
    const sandbox = await sandboxWithEcho();
    sandbox.faults.certificate = "expired";
    await expect(headersSeen(sandbox, "agent", { port: 8443 })).rejects.toThrow(/alert internal error/);
  });

  it("has nobody listen at a proxy that was ordered dead until it is alive again", async () => {
    const sandbox = await sandboxWithEcho();
    sandbox.faults.proxy = "dead";
    await expect(headersSeen(sandbox, "agent", { port: 8443 })).rejects.toThrow(/curl: \(7\)/);
    sandbox.faults.proxy = "alive";
    const answers = () => headersSeen(sandbox, "agent", { port: 8443 }).catch(() => undefined);
    expect(await until({ what: "the proxy" }, answers)).toMatchObject({ "x-forwarded-for": "100.64.0.4" });
  });

  it("carries every byte over a slow relay", async () => {
    const sandbox = await sandboxWithEcho();
    sandbox.faults.relayDelayMs = 5;
    expect(await headersSeen(sandbox, "agent", { port: 8443 })).toMatchObject({ "x-forwarded-for": "100.64.0.4" });
  });

  it("refuses to serve another machine's server", async () => {
    const target = "http://example.com/";
    await expect(startSandbox({ serve: [{ port: 8443, target }] })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("leaves no file and no listener when it is closed, also twice", async () => {
    const sandbox = await startSandbox();
    await sandbox.close();
    await sandbox.close();
    expect(existsSync(sandbox.directory)).toBe(false);
    const port = Number(new URL(sandbox.callers.agent.proxy ?? "").port);
    await expect(dial({ host: "127.0.0.1", port }, undefined, { timeoutMs: 1_000 })).rejects.toThrow(/ECONNREFUSED/);
  });

  it.each(["--http1.1", "--http2"])(
    "ends requests that are open, and nothing else, when it is closed: %s",
    async (version) => {
      let asked = 0;
      const backend = createServer(() => {
        asked += 1;
      });
      const target = `http://127.0.0.1:${await listenUntilFinished(backend)}`;
      const sandbox = await startSandbox({ serve: [{ port: 443, target, funnel: true }] });
      const args = ["-sS", version, ...sandbox.callers.internet.curl(`https://${sandbox.host}/`)];
      const done = run("curl", args, { env: { PATH: process.env.PATH } });
      await until({ what: "the request" }, async () => asked > 0 || undefined);
      await sandbox.close();
      expect((await done).exitCode).not.toBe(0);
    },
  );

  it("does not know the names of another sandbox", async () => {
    const [one, other] = await Promise.all([sandboxWithEcho(), sandboxWithEcho()]);
    const done = await run("curl", ["-sS", ...one.callers.agent.curl(`https://${other.host}:8443/`)], {
      env: { PATH: process.env.PATH },
    });
    expect(done.stderr).toContain("500");
  });

  it("does not meet 49 others that run at the same time", async () => {
    const sandboxes = await Promise.all(Array.from({ length: 50 }, () => startSandbox()));
    const unique = (values: readonly unknown[]): number => new Set(values).size;
    try {
      expect(unique(sandboxes.map(({ host }) => host))).toBe(50);
      expect(unique(sandboxes.map(({ directory }) => directory))).toBe(50);
      expect(unique(sandboxes.map(({ ca }) => ca))).toBe(50);
      const ports = sandboxes.flatMap(({ callers }) =>
        Object.values(callers).flatMap(({ proxy, connectTo }) => [
          ...(proxy === undefined ? [] : [new URL(proxy).port]),
          ...connectTo.map((rule) => rule.split(":").at(-1)),
        ]),
      );
      expect(unique(ports)).toBe(50 * (4 * 4 + 3));
    } finally {
      await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
    }
    expect(sandboxes.filter(({ directory }) => existsSync(directory))).toEqual([]);
  });
});

describe("the stand-in for tailscale", () => {
  it.each([
    { version: "1.90.9", exitCode: 2, says: "flag provided but not defined: -accept-app-caps" },
    { version: "1.98.9", exitCode: 0, says: "" },
  ])("of $version ends with $exitCode when capabilities are to be accepted", async ({ version, exitCode, says }) => {
    await using sandbox = await startSandbox({ version });
    const argv = ["serve", "--bg", "--yes", "--https=8443", "--accept-app-caps=example.com/cap/mcp", "3000"];
    const done = await run(`${sandbox.binDir}/tailscale`, argv);
    expect({ exitCode: done.exitCode, says: done.stderr.trim() }).toEqual({ exitCode, says });
  });
});
