import { randomBytes } from "node:crypto";
import { messageOf, TsmcpError } from "../../core/errors.ts";
import { isAtLeast } from "../../tailscale/version.ts";
import { serveJson } from "../daemon/serve-json.ts";
import { goJson } from "../front/marks.ts";
import type { ServeConfig } from "../front/serve-config.ts";
import { withMount, withoutServed } from "../serve-change.ts";
import { isOn } from "./flags.ts";
import { type Invocation, notImitated, untilAborted } from "./program.ts";
import { backendJudgesSince, conflictOf } from "./serve-conflict.ts";
import { servedText, serveStatusText } from "./serve-text.ts";
import { readWanted, type Wanted } from "./serve-words.ts";

/** `tailscale serve` and `tailscale funnel`. Source: tailscale `cmd/tailscale/cli/serve_v2.go`; texts run on 1.102.5. */
export async function runServe(invocation: Invocation): Promise<number> {
  const { call, world, daemon, words, flags, name } = invocation;
  const { tailnet } = world;
  const [word = "", ...more] = words;
  if (word === "status") return status(invocation, more);
  if (name === "serve" && otherCommands.includes(word)) return notImitated(call, `tailscale serve ${word}`);
  if (daemon.node !== tailnet.server) return notImitated(call, `tailscale ${name} on any node but the server`);
  if (word === "reset") {
    tailnet.serve = new Map();
    for (const session of tailnet.foreground.values()) session.end();
    return 0;
  }
  const wanted = readWanted(invocation);
  if (typeof wanted === "number") return wanted;
  if (words.at(-1) === "off") return off(invocation, wanted);
  return isOn(flags, "bg") ? serveInBackground(invocation, wanted) : serveInForeground(invocation, wanted);
}

/** Of `serve`; they are about Tailscale Services. */
const otherCommands = ["drain", "clear", "advertise", "get-config", "set-config"];

function status({ call, world, daemon, flags }: Invocation, words: readonly string[]): number {
  const { tailnet } = world;
  const isServer = daemon.node === tailnet.server;
  if (isOn(flags, "json") || words.includes("--json"))
    call.write(`${goJson(isServer ? serveJson(tailnet) : {}, "  ")}\n`);
  else call.write(isServer ? serveStatusText(tailnet) : "No serve config\n");
  return 0;
}

function serveInBackground(invocation: Invocation, wanted: Wanted): number {
  const { call, world, name } = invocation;
  const { tailnet } = world;
  const { port } = wanted;
  const host = tailnet.server.dnsName;
  const conflict = conflictOf(tailnet, { port, name, isForeground: false });
  const changed = changedConfig(invocation, { config: tailnet.serve, wanted, conflict });
  if (typeof changed === "number") return changed;
  if (tailnet.serve.get(port)?.funnel === true && name !== "funnel")
    call.writeError(`Removing Funnel for ${host}:${host}:${port}\n`);
  tailnet.serve = changed;
  call.write(servedText(changed, { host, port, name, isForeground: false }));
  return 0;
}

/** It stands in a session of its own, and goes with the program or with the session. */
async function serveInForeground(invocation: Invocation, wanted: Wanted): Promise<number> {
  const { call, world, name } = invocation;
  const { tailnet } = world;
  const { port } = wanted;
  const conflict = conflictOf(tailnet, { port, name, isForeground: true });
  const config = changedConfig(invocation, { config: new Map(), wanted, conflict });
  if (typeof config === "number") return config;
  const session = randomBytes(8).toString("hex");
  const over = new AbortController();
  tailnet.foreground.set(session, { config, end: () => over.abort() });
  call.takes(["SIGINT"]);
  call.write(servedText(config, { host: tailnet.server.dnsName, port, name, isForeground: true }));
  await untilAborted(AbortSignal.any([call.signal, over.signal]));
  tailnet.foreground.delete(session);
  return 0;
}

/** Returns the configuration with what is wanted, or the exit code when that cannot be. */
function changedConfig(
  invocation: Invocation,
  {
    config,
    wanted,
    conflict,
  }: { readonly config: ServeConfig; readonly wanted: Wanted; readonly conflict: string | undefined },
): ServeConfig | number {
  const { call, world, name } = invocation;
  const { version } = world.tailnet;
  // An older one looks before it tries.
  if (conflict !== undefined && !isAtLeast(version, backendJudgesSince)) {
    call.writeError(`${conflict}\n`);
    return 1;
  }
  const schemes = ["http", "https", "https+insecure", ...(isAtLeast(version, unixSince) ? ["unix"] : [])];
  const scheme = /^([a-z+]+):(?:\/\/|\/)/.exec(wanted.target)?.[1];
  if (scheme !== undefined && !schemes.includes(scheme)) {
    const known = schemes.join(" ");
    return failed(
      invocation,
      `failed apply web serve: must be a URL starting with one of the supported schemes: [${known}]`,
    );
  }
  try {
    const { path, ...rest } = wanted;
    const isFunnel = name === "funnel";
    const changed = withMount(config, { ...rest, ...(path === undefined ? {} : { path }), funnel: isFunnel });
    if (conflict === undefined) return changed;
    call.writeError(`sending serve config: updating config: ${conflict}\n`);
    return 1;
  } catch (error) {
    if (error instanceof TsmcpError) return failed(invocation, `failed apply web serve: ${messageOf(error)}`);
    throw error;
  }
}

const unixSince = { major: 1, minor: 94, patch: 0 };

function off(invocation: Invocation, { port, path }: Wanted): number {
  const { tailnet } = invocation.world;
  const after = withoutServed(tailnet.serve, { port, path });
  if (after === undefined) return failed(invocation, "failed to remove web serve: handler does not exist");
  tailnet.serve = after;
  return 0;
}

function failed({ call, name }: Invocation, message: string): number {
  call.writeError(`error: ${message}\n\ntry \`tailscale ${name} --help\` for usage info\n`);
  return 1;
}
