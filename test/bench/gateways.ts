import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, isListening } from "../../src/net/listening.ts";
import type { Door } from "./http-session.ts";

/** A gateway under measurement, with one stdio echo server behind it. */
export interface RunningGateway extends AsyncDisposable {
  readonly door: Door;
  /** It and everything that it started. */
  processes(): readonly number[];
  residentMiB(): number;
  /** Processor time of the gateway itself so far, without the server behind it. */
  cpuMs(): number;
}

export interface GatewayContestant {
  readonly name: string;
  start(): Promise<RunningGateway>;
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const echo = at("echo-stdio.mjs");
const peer = (path: string): string => at(`peers/node_modules/${path}`);

/** Ours, its rights enforced, and who else is installed (`npm ci --prefix test/bench/peers`). */
export function gatewayContestants(): readonly GatewayContestant[] {
  const mcpProxy = peer("mcp-proxy/dist/bin/mcp-proxy.mjs");
  const supergateway = peer("supergateway/dist/index.js");
  const others = [
    {
      name: "mcp-proxy 6.7.19",
      program: mcpProxy,
      args: (port: number) => [
        "--port",
        String(port),
        "--host",
        "127.0.0.1",
        "--server",
        "stream",
        "--",
        process.execPath,
        echo,
      ],
    },
    {
      name: "supergateway 4.0.0",
      program: supergateway,
      args: (port: number) => [
        ...["--stdio", `${process.execPath} ${echo}`, "--outputTransport", "streamableHttp", "--stateful"],
        ...["--logLevel", "none", "--port", String(port)],
      ],
    },
  ].filter(({ program }) => existsSync(program));
  return [
    { name: "tsmcp gateway", start: startOurs },
    ...others.map(({ name, program, args }) => ({
      name,
      async start() {
        const port = await freePort();
        const child = spawn(process.execPath, [program, ...args(port)], { stdio: "ignore" });
        return running(child, { port, path: "/mcp", headers: {} }, () => {});
      },
    })),
  ];
}

/** As tailscale serve calls it, with a stand-in for tailscaled that knows one tagged node and its grant. */
export async function startOurs(): Promise<RunningGateway & { readonly publicPort: number }> {
  const directory = mkdtempSync(join(tmpdir(), "tsmcp-bench-"));
  const socket = join(directory, "tailscaled.sock");
  const daemon = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.url?.includes("/whois") === true ? whois : status));
  }).listen(socket);
  await once(daemon, "listening");
  const [inner, outer] = [await freePort(), await freePort()];
  const config = join(directory, "tsmcp.config.json");
  const gateway = {
    listen: { private: `127.0.0.1:${inner}`, public: `127.0.0.1:${outer}`, admin: `unix:${directory}/admin.sock` },
    upstreams: { echo: { command: process.execPath, args: [echo] } },
    capability,
    rules: [{ who: ["tag:agent"], upstreams: ["echo"], tools: ["ec*"] }],
  };
  writeFileSync(config, JSON.stringify({ gateway }), { mode: 0o600 });
  mkdirSync(join(directory, "home"));
  const env = { PATH: process.env.PATH, HOME: join(directory, "home") };
  const args = [at("../../bin/tsmcp"), "gateway", "--json", "--config", config, "--socket", socket];
  // A line about every call goes there, as for a service.
  const log = openSync(join(directory, "log"), "w");
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", log] });
  closeSync(log);
  let said = "";
  if (child.stdout === null) throw new Error("no pipe");
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    said += chunk;
    if (said.endsWith("}\n")) break;
  }
  const { private: exposed } = JSON.parse(said) as { private: { target: string } };
  const { pathname } = new URL(exposed.target);
  const headers = { "x-forwarded-for": agentAddress, "x-forwarded-host": "server.tail.ts.net:8443" };
  const started = await running(child, { port: inner, path: `${pathname}/mcp/echo`, headers }, () => {
    daemon.close();
    rmSync(directory, { recursive: true });
  });
  return { ...started, publicPort: outer };
}

const capability = "example.com/cap/mcp";
const agentAddress = "100.64.0.9";
const status = {
  Version: "1.102.5",
  BackendState: "Running",
  Self: { DNSName: "server.tail.ts.net.", HostName: "server", TailscaleIPs: ["100.64.0.1"], Online: true },
};
const whois = {
  Node: { StableID: "n9", Name: "agent.tail.ts.net.", Tags: ["tag:agent"] },
  UserProfile: { LoginName: "tagged-devices" },
  CapMap: { [capability]: [{ tools: ["*"], upstreams: ["echo"] }] },
};

async function running(child: ChildProcess, door: Door, clean: () => void): Promise<RunningGateway> {
  const exited = once(child, "exit");
  const pid = child.pid ?? 0;
  while (!(await isListening({ host: "127.0.0.1", port: door.port }))) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
  }
  return {
    door,
    processes: () => withDescendants(pid),
    residentMiB: () => withDescendants(pid).reduce((sum, one) => sum + residentMiB(one), 0),
    cpuMs: () => cpuMs(pid),
    async [Symbol.asyncDispose]() {
      const all = withDescendants(pid);
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await exited;
      clearTimeout(timer);
      // Some leave their servers behind.
      for (const one of all.filter((left) => parentOf(left) === 1)) process.kill(one, "SIGKILL");
      clean();
    },
  };
}

function withDescendants(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(Number(name))] as const);
  const found = [pid];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found;
}

function parentOf(pid: number): number | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) / 1024;
}

/** Ticks of 10 ms. Source: proc(5) `stat`, fields 14 and 15. */
function cpuMs(pid: number): number {
  const text = read(`/proc/${pid}/stat`) ?? "";
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
