import { join } from "node:path";
import { readTextFile } from "../../config/text-file.ts";
import { TsmcpError } from "../../core/errors.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { isLoopbackAddress } from "../../net/address.ts";
import { isListening } from "../../net/listening.ts";
import { describeProxy, type ProxyEndpoint, parseProxyUrl } from "../../net/proxy.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { machineWay } from "../facts/tailnet-way.ts";

/** A proxy that something here tells programs to use, and whether anything listens there. */
export interface ExportedProxy {
  /** A variable of this environment, or a profile and its line. */
  readonly from: string;
  readonly isProfile: boolean;
  readonly proxy: string;
  readonly listens: boolean;
}

const variableNames = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] as const;
const profileNames = [".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc"] as const;
const maxProfileBytes = 1024 * 1024;

export const proxyExports = machineCheck<readonly ExportedProxy[]>({
  id: "proxy.exports",
  group: "proxy",
  title: "no program is sent to a proxy that is gone",
  needs: [],
  timeoutMs: 5_000,
  source: "https://curl.se/docs/manpage.html#ENVIRONMENT",
  explain: {
    proves:
      "Where the proxy variables of this environment, or an export in a shell's profile, name a port of this machine, something listens there. Otherwise every program that reads them fails, the package manager and the agent among them.",
    breaks: "Exports that outlived their daemon: a line in ~/.bashrc, a CI variable, a snapshot of a shell.",
    mend: 'Unset the variables or take the line out; "tsmcp up" writes exports that apply only while the proxy answers, and eval "$(tsmcp env)" sets them for one shell.',
  },
  gather: findExports,
  judge: judgeExports,
});

export function judgeExports(found: readonly ExportedProxy[]): Outcome {
  const dead = found.filter(({ listens }) => !listens);
  const facts = { exports: found.map(({ from, proxy, listens }) => ({ from, proxy, listens })) };
  const worst = dead.find(({ isProfile }) => !isProfile) ?? dead[0];
  if (worst === undefined) {
    const message =
      found.length === 0
        ? "no proxy of this machine is exported"
        : `${found.length} exports lead to a proxy that answers`;
    return { status: "pass", message, facts };
  }
  const names = dead.filter(({ isProfile }) => isProfile === worst.isProfile).map(({ from }) => from);
  const reproduce = `curl -sS -m 5 -x ${shellQuote(worst.proxy)} https://example.com/`;
  if (worst.isProfile) {
    const message = `${names.join(", ")} exports ${worst.proxy}, where nothing listens: new shells cannot get out`;
    return { status: "warn", message, facts, reproduce, hint: "take the line out" };
  }
  return {
    status: "fail",
    message: `${names.join(", ")} ${names.length === 1 ? "leads" : "lead"} to ${worst.proxy}, where nothing listens: every program that reads ${names.length === 1 ? "it" : "them"} fails`,
    facts,
    reproduce,
    hint: `unset ${names.join(" ")}`,
  };
}

/** Returns the unconditional exports of a proxy in a shell's profile, with their lines. */
export function exportsInProfile(text: string): readonly { readonly line: number; readonly value: string }[] {
  return text.split("\n").flatMap((content, index) => {
    // What is indented stands in a test of some kind.
    const match = /^(?:export\s+)?(?:ALL|HTTPS?|all|https?)_(?:PROXY|proxy)=["']?([^\s"';]+)/.exec(content);
    return match?.[1] === undefined ? [] : [{ line: index + 1, value: match[1] }];
  });
}

async function findExports(context: MachineContext): Promise<readonly ExportedProxy[]> {
  const { env } = context.world;
  const way = await machineWay(context).catch((error: unknown) => {
    // A malformed variable is for the check of the proxy to tell.
    if (error instanceof TsmcpError) return undefined;
    throw error;
  });
  const used = way?.proxy;
  const named = [
    ...variableNames.map((name) => ({ from: name as string, isProfile: false, text: env[name] ?? "" })),
    ...profileExports(env),
  ].flatMap(({ from, isProfile, text }) => {
    const proxy = ownProxy(text);
    // The proxy that leads to the tailnet has a check of its own.
    const isUsed = proxy?.host === used?.host && proxy?.port === used?.port;
    return proxy === undefined || isUsed ? [] : [{ from, isProfile, proxy }];
  });
  return Promise.all(
    named.map(async ({ from, isProfile, proxy }) => ({
      from,
      isProfile,
      proxy: describeProxy(proxy),
      listens: await isListening(proxy),
    })),
  );
}

function profileExports(env: Environment): { from: string; isProfile: boolean; text: string }[] {
  const { HOME } = env;
  if (HOME === undefined || !HOME.startsWith("/")) return [];
  return profileNames.flatMap((name) => {
    const file = readTextFile(join(HOME, name), maxProfileBytes);
    if (file.status !== "ok") return [];
    return exportsInProfile(file.text).map(({ line, value }) => ({
      from: `~/${name}:${line}`,
      isProfile: true,
      text: value,
    }));
  });
}

/** A proxy on this machine; whether one elsewhere answers is not ours to try. */
function ownProxy(text: string): ProxyEndpoint | undefined {
  if (text === "") return undefined;
  try {
    const proxy = parseProxyUrl(text, "proxy");
    return proxy.host === "localhost" || isLoopbackAddress(proxy.host) ? proxy : undefined;
  } catch (error) {
    if (error instanceof TsmcpError) return undefined;
    throw error;
  }
}
