import { TsmcpError } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";
import { isListening } from "../net/listening.ts";
import { type ProxyEndpoint, parseProxyUrl } from "../net/proxy.ts";
import type { ListenAddress } from "../tailscale/daemon-arguments.ts";
import { daemonEnvironment, upstreamProxyVariables } from "../tailscale/daemon-environment.ts";
import type { BootstrapWorld } from "./world.ts";

/** A proxy of this machine or its network accepts within milliseconds. */
const acceptLimitMs = 1_000;

/**
 * Returns the environment of tailscale's programs, without the proxies that they must not be sent through: those of
 * `own`, which it is about to serve, and those where nobody answers, which would keep it from joining for nothing.
 * Says which proxies are left out.
 */
export async function environmentWithoutDeadProxies(
  { env, log }: BootstrapWorld,
  { logsDir, own }: { readonly logsDir: string; readonly own: readonly ListenAddress[] },
): Promise<Readonly<Record<string, string>>> {
  const dead = await findDeadProxies(env, own);
  for (const name of dead.silentVariables) {
    log.warn(`${name} names a proxy that does not accept connections; tailscale goes on without it`);
  }
  return daemonEnvironment({ env, logsDir, deadProxies: dead.values });
}

interface DeadProxies {
  readonly values: readonly string[];
  /** The variables whose proxy does not accept connections, to be told; not those that name our own. */
  readonly silentVariables: readonly string[];
}

async function findDeadProxies(env: Environment, own: readonly ListenAddress[]): Promise<DeadProxies> {
  const judged = await Promise.all(
    upstreamProxyVariables.map(async (name) => {
      const value = env[name];
      if (value === undefined || value === "") return [];
      return [{ name, value, verdict: await judge(value, name, own) }];
    }),
  );
  const dead = judged.flat().filter(({ verdict }) => verdict !== "answers");
  return {
    values: dead.map(({ value }) => value),
    silentVariables: dead.filter(({ verdict }) => verdict === "silent").map(({ name }) => name),
  };
}

async function judge(
  value: string,
  name: string,
  own: readonly ListenAddress[],
): Promise<"own" | "silent" | "answers"> {
  const endpoint = endpointOf(value, name);
  if (endpoint === undefined) return "silent";
  if (own.some((address) => isSame(endpoint, address))) return "own";
  return (await isListening(endpoint, acceptLimitMs)) ? "answers" : "silent";
}

function isSame(endpoint: ProxyEndpoint, address: ListenAddress): boolean {
  const host = endpoint.host === "localhost" ? address.host : endpoint.host;
  return host === address.host && endpoint.port === address.port;
}

function endpointOf(value: string, name: string): ProxyEndpoint | undefined {
  try {
    return parseProxyUrl(value, name);
  } catch (error) {
    if (error instanceof TsmcpError) return undefined;
    throw error;
  }
}
