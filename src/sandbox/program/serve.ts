import { messageOf, TsmcpError } from "../../core/errors.ts";
import { isAtLeast } from "../../tailscale/version.ts";
import { serveJson } from "../daemon/serve-json.ts";
import { goJson } from "../front/marks.ts";
import type { ServeConfig } from "../front/serve-config.ts";
import { withMount, withoutServed } from "../serve-change.ts";
import type { Tailnet } from "../tailnet.ts";
import { isOn } from "./flags.ts";
import { type Invocation, untilAborted } from "./program.ts";
import { funnelText, urlOf } from "./status-text.ts";

/** `tailscale serve` and `tailscale funnel`. Source: tailscale `cmd/tailscale/cli/serve_v2.go`; texts run on 1.102.5. */
export async function runServe(invocation: Invocation): Promise<number> {
  const { call, world, daemon, words } = invocation;
  const { tailnet } = world;
  const [word, ...more] = words;
  if (word === "status") return status(invocation, more);
  if (daemon.node !== tailnet.server) return failed(invocation, "the sandbox serves on its server alone");
  if (word === "reset") {
    tailnet.serve = new Map();
    return 0;
  }
  const port = Number(invocation.flags.get("https") ?? 443);
  const path = invocation.flags.get("set-path");
  if (word === undefined || more.length > 0) return failed(invocation, "invalid argument format");
  if (more.length === 0 && word === "off") return off(invocation, { port, path });
  const before = tailnet.serve;
  const problem = change(invocation, { port, path, target: word });
  if (problem !== undefined) return failed(invocation, problem);
  call.write(servedText(tailnet, invocation, port));
  if (isOn(invocation.flags, "bg")) return 0;
  await untilAborted(call.signal);
  // What stood in the foreground goes with it.
  tailnet.serve = before;
  return 0;
}

function status({ call, world, flags }: Invocation, words: readonly string[]): number {
  const { tailnet } = world;
  if (isOn(flags, "json") || words.includes("--json")) call.write(`${goJson(serveJson(tailnet), "  ")}\n`);
  else call.write(statusText(tailnet));
  return 0;
}

function change(
  { call, world, flags, name }: Invocation,
  request: { readonly port: number; readonly path: string | undefined; readonly target: string },
): string | undefined {
  const { tailnet } = world;
  const { version } = tailnet;
  const isFunnel = name === "funnel";
  const acceptAppCaps = (flags.get("accept-app-caps") ?? "").split(",").filter((one) => one !== "");
  const schemes = ["http", "https", "https+insecure", ...(isAtLeast(version, unixSince) ? ["unix"] : [])];
  const scheme = /^([a-z+]+):(?:\/\/|\/)/.exec(request.target)?.[1];
  if (scheme !== undefined && !schemes.includes(scheme))
    return `failed apply web serve: must be a URL starting with one of the supported schemes: [${schemes.join(" ")}]`;
  const wasFunnel = tailnet.serve.get(request.port)?.funnel === true;
  try {
    const { path, ...rest } = request;
    tailnet.serve = withMount(tailnet.serve, {
      ...rest,
      ...(path === undefined ? {} : { path }),
      funnel: isFunnel,
      acceptAppCaps,
    });
  } catch (error) {
    if (error instanceof TsmcpError) return `failed apply web serve: ${messageOf(error)}`;
    throw error;
  }
  const host = tailnet.server.dnsName;
  if (wasFunnel && !isFunnel) call.writeError(`Removing Funnel for ${host}:${host}:${request.port}\n`);
  return undefined;
}

const unixSince = { major: 1, minor: 94, patch: 0 };

function off(
  invocation: Invocation,
  { port, path }: { readonly port: number; readonly path: string | undefined },
): number {
  const { tailnet } = invocation.world;
  const after: ServeConfig | undefined = withoutServed(tailnet.serve, { port, path });
  if (after === undefined) return failed(invocation, "failed to remove web serve: handler does not exist");
  tailnet.serve = after;
  return 0;
}

function servedText({ serve, server }: Tailnet, { flags, name }: Invocation, port: number): string {
  const mounts = serve.get(port)?.mounts ?? [];
  const url = urlOf(server.dnsName, port);
  const lines = mounts
    .toSorted((one, other) => one.path.length - other.path.length)
    .map(({ path, target }) => `${url}${path}\n|-- proxy ${target}\n\n`);
  const where = name === "funnel" ? "Available on the internet:" : "Available within your tailnet:";
  const verb = name === "funnel" ? "Funnel" : "Serve";
  const end = isOn(flags, "bg")
    ? `${verb} started and running in the background.\nTo disable the proxy, run: tailscale ${name} --https=${port} off\n`
    : "Press Ctrl+C to exit.\n";
  return `${where}\n\n${lines.join("")}${end}`;
}

function statusText(tailnet: Tailnet): string {
  const { serve, server } = tailnet;
  if (serve.size === 0) return "No serve config\n";
  const sorted = [...serve].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1));
  const ports = sorted.map(([port, { funnel, mounts }]) => {
    const width = Math.max(...mounts.map(({ path }) => path.length));
    const byPath = mounts.toSorted((one, other) => (one.path < other.path ? -1 : 1));
    const lines = byPath.map(({ path, target }) => `|-- ${path.padEnd(width)} proxy ${target}\n`);
    return `${urlOf(server.dnsName, port)} (${funnel ? "Funnel on" : "tailnet only"})\n${lines.join("")}\n`;
  });
  return `${funnelText(tailnet) || "\n"}${ports.join("")}`;
}

function failed({ call, name }: Invocation, message: string): number {
  call.writeError(`error: ${message}\n\ntry \`tailscale ${name} --help\` for usage info\n`);
  return 1;
}
