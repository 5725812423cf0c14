import { createServer, type Server, type Socket } from "node:net";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { type RunResult, run } from "../tailnet/harness/run.ts";
import { startTailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";

/** Who calls, on either tailnet. */
export type ParityCaller = "user" | "agent" | "stranger" | "guest" | "internet";

/** A tailnet with one server and callers alike, the real one or the sandbox. */
export interface ParityWorld extends AsyncDisposable {
  /** The server's name. */
  readonly host: string;
  /** A caller's proxy, `127.0.0.1:PORT`. */
  proxyPort(caller: Exclude<ParityCaller, "internet">): number;
  /** Runs curl as that caller. */
  curl(caller: ParityCaller, args: readonly string[]): Promise<RunResult>;
  serve(request: { port: number; target: string; path?: string; acceptAppCaps?: readonly string[] }): Promise<void>;
  funnel(request: { port: number; target: string; path?: string }): Promise<void>;
  /** Takes out what differs between any two tailnets: names and addresses. */
  normalised(text: string): string;
}

export const capability = "example.com/cap/mcp";
/** What JSON, HTML and a header could each trip over. */
export const grant = { tools: ["*"], "a<b": "Zoë & co" };
export const otherCapability = "example.com/cap/other";

const people = {
  user: {
    login: "alice@example.com",
    display: "Zoë Ångström of the Long Names Department",
    picture: "https://example.com/a.png",
  },
  guest: { login: "bob@example.com", display: "Bob", picture: "" },
} as const;

export async function startRealWorld(): Promise<ParityWorld> {
  const tailnet = await startTailnet();
  for (const { login, display, picture } of Object.values(people))
    await tailnet.api.setUser({ login, display, picture });
  const [server, user, agent, stranger, guest] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "laptop", user: people.user.login }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
    tailnet.startNode({ hostname: "printer", tags: ["tag:printer"] }),
    tailnet.startNode({ hostname: "guest", user: people.guest.login }),
  ]);
  await tailnet.api.setGrants([
    { src: ["*"], dst: ["*"], ip: ["*"] },
    { src: ["tag:agent"], dst: ["tag:server"], app: { [capability]: [grant] } },
    { src: [people.guest.login], dst: ["tag:server"], app: { [otherCapability]: [grant] } },
  ]);
  const nodes = { user, agent, stranger, guest };
  await Promise.all([knowsGrant(server, agent.ip), knowsGrant(server, guest.ip)]);
  const port = (caller: keyof typeof nodes): number => Number(nodes[caller].proxy.split(":")[1]);
  return {
    host: server.dnsName,
    proxyPort: port,
    curl: (caller, args) => {
      const way =
        caller === "internet"
          ? tailnet.connectTo(server.dnsName).flatMap((rule) => ["--connect-to", rule])
          : ["--proxy", `http://127.0.0.1:${port(caller)}`];
      return runCurl(["--cacert", tailnet.caFile, ...way, ...args]);
    },
    serve: (request) => server.serve(request),
    funnel: (request) => server.funnel(request),
    normalised: normaliser(server.dnsName, {
      server: server.ip,
      user: user.ip,
      agent: agent.ip,
      stranger: stranger.ip,
      guest: guest.ip,
    }),
    async [Symbol.asyncDispose]() {
      await tailnet.close();
    },
  };
}

/** Grants reach the server a moment after they are set. */
function knowsGrant(server: TailnetNode, address: string): Promise<true> {
  return until({ what: `${server.hostname} to know a grant` }, async () => {
    const whois: { CapMap?: object | null } = JSON.parse((await server.tailscale(["whois", "--json", address])).stdout);
    return whois.CapMap ? true : undefined;
  });
}

export async function startSandboxWorld(): Promise<ParityWorld> {
  const { user, guest } = people;
  const sandbox = await startSandbox({
    callers: {
      user: { login: user.login, displayName: user.display, picture: user.picture, capabilities: {} },
      agent: { capabilities: { [capability]: [grant] } },
      guest: { login: guest.login, displayName: guest.display, capabilities: { [otherCapability]: [grant] } },
    },
  });
  const { callers, host } = sandbox;
  return {
    host,
    proxyPort: (caller) => Number(new URL(callers[caller].proxy ?? "").port),
    curl: (caller, args) => runCurl([...callers[caller].curl(args.at(-1) ?? "").slice(0, -1), ...args]),
    serve: async (request) => sandbox.serve({ ...request, funnel: false }),
    funnel: async (request) => sandbox.serve({ ...request, funnel: true }),
    normalised: normaliser(host, {
      server: "100.64.0.2",
      user: callers.user.address ?? "",
      agent: callers.agent.address ?? "",
      stranger: callers.stranger.address ?? "",
      guest: callers.guest.address ?? "",
    }),
    [Symbol.asyncDispose]: () => sandbox.close(),
  };
}

function runCurl(args: readonly string[]): Promise<RunResult> {
  return run("curl", ["-sSi", "--suppress-connect-headers", "--max-time", "10", ...args], {
    env: { PATH: process.env.PATH },
    timeoutMs: 15_000,
  });
}

function normaliser(host: string, addresses: Readonly<Record<string, string>>): (text: string) => string {
  const names = Object.entries(addresses).sort(([, one], [, other]) => other.length - one.length);
  return (text) =>
    names
      .reduce((done, [name, address]) => done.replaceAll(`${address}`, `<${name}>`), text.replaceAll(host, "<host>"))
      .replaceAll(/\b198\.(?:18|19)\.\d+\.\d+\b/g, "<internet>");
}

/** A backend on loopback that answers with the very bytes that came, whatever they ask for. */
export interface RawBackend extends AsyncDisposable {
  readonly port: number;
}

export async function startRawBackend(place: { path: string } | { port: number } = { port: 0 }): Promise<RawBackend> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!isWhole(text)) return;
      const body = Buffer.from(text, "latin1");
      const isHead = text.startsWith("HEAD ");
      text = "";
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Answer: a\r\nx-answer: b\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      if (!isHead) socket.write(body);
    });
  });
  await new Promise<void>((resolve) =>
    server.listen("path" in place ? place : { ...place, host: "127.0.0.1" }, resolve),
  );
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return !/^transfer-encoding: chunked/im.test(head) || text.endsWith("0\r\n\r\n");
}
