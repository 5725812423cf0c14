import { serverFromSides } from "../config/server.ts";
import { applyConnectTo, type ConnectToRule } from "../doctor/connect-to.ts";
import type { CheckResult } from "../doctor/engine.ts";
import { runDoctor } from "../doctor/run-doctor.ts";
import { type Proof, type ProofRequest, tailnetPort } from "../expose/request.ts";
import { isPublicAddress } from "../net/address.ts";
import { parseResolver, resolveName } from "../net/dns.ts";
import type { OwnRelay } from "../tailscale/own-relay.ts";
import type { CommandContext } from "./context.ts";
import { reachOwnNode } from "./expose-reach.ts";

/** Where the public side is looked for. */
export interface PublicLook {
  /** `gateway.publicTools`: UPSTREAM/TOOL. */
  readonly publicTools: readonly string[];
  readonly connectTo: readonly ConnectToRule[];
  readonly publicDns: string | undefined;
}

/**
 * Runs the doctor on both views from the server's own host. The gateway shows the node itself no tool, so that none are seen
 * on the tailnet side proves nothing against it; whether it answers there is what counts.
 */
export async function proveByDoctor(
  request: ProofRequest,
  look: PublicLook,
  { context, socket }: { readonly context: CommandContext; readonly socket: string },
): Promise<Proof> {
  const { host, funnel, signal } = request;
  const reach = await reachOwnNode({ host, port: tailnetPort }, { env: context.env, signal, socket });
  const relay = reach.kind === "reached" ? reach.relay : undefined;
  try {
    const groups = [...(reach.kind === "reached" ? ["tailnet"] : []), ...(funnel ? ["public", "separation"] : [])];
    const checks = groups.length === 0 ? [] : await examine(request, look, { groups, relay, context, socket });
    const outOfReach = reach.kind === "reached" ? undefined : reach.reason;
    return judgeProof(checks, { outOfReach, funnel, isOpen: look.publicTools.length > 0 });
  } finally {
    await relay?.close();
  }
}

async function examine(
  { host, tailnetUrls, waitMs, signal }: ProofRequest,
  { publicTools, connectTo, publicDns }: PublicLook,
  from: {
    readonly groups: readonly string[];
    readonly relay: OwnRelay | undefined;
    readonly context: CommandContext;
    readonly socket: string;
  },
): Promise<readonly CheckResult[]> {
  const { groups, relay, context, socket } = from;
  const { env, log } = context;
  const targets = tailnetUrls.map((tailnetUrl) => ({
    server: serverFromSides(tailnetUrl, { tailnetUrl }, "expose"),
    expectedTools: [],
    minTools: 0,
    publicTools: openedAt(tailnetUrl, publicTools),
    probe: undefined,
  }));
  const { checks } = await runDoctor(
    {
      targets,
      only: groups,
      // They ask what an agent's node sees, or compare with that, and this one is the server.
      skip: ["tailnet.lock", "tailnet.surplus", "tailnet.grants", "tailnet.identity", "public.call"],
      strict: false,
      waitMs,
      vantage: "auto",
      connectTo,
      publicDns,
      headers: [],
      // It is this node's own name, as its own tailscaled says.
      authorized: [host],
      capabilities: [],
    },
    // What is not yet well is what is waited for.
    { env, signal, log: { ...log, debug: (line) => log.info(`proof: ${line}`) }, socket, proxy: relay },
  );
  return checks;
}

/** Returns the tools that the internet may see of the upstream at a URL; `/mcp` is that of the only one. */
export function openedAt(url: string, publicTools: readonly string[]): readonly string[] {
  const upstream = /\/mcp\/([^/]+)$/.exec(url)?.[1];
  return publicTools.flatMap((text) => {
    const at = text.indexOf("/");
    return upstream === undefined || upstream === text.slice(0, at) ? [text.slice(at + 1)] : [];
  });
}

/** Returns what the checks come to, on the server's own host. */
export function judgeProof(
  checks: readonly CheckResult[],
  known: { readonly outOfReach: string | undefined; readonly funnel: boolean; readonly isOpen: boolean },
): Proof {
  const { outOfReach, funnel, isOpen } = known;
  const findings = checks.flatMap(({ id, status, message, hint, facts }) =>
    status === "fail" || status === "unknown" || status === "warn" ? [{ id, status, message, hint, facts }] : [],
  );
  const failed = findings.find(({ status }) => status === "fail");
  if (failed !== undefined) return { verdict: "fail", detail: `${failed.id}: ${failed.message}`, findings };
  const open =
    checks.find(({ mandatory, status }) => mandatory && (status === "skip" || status === "unknown")) ??
    // A public side that is closed passes, and proves nothing of one that opens later.
    checks.find(({ id, status }) => funnel && id === "public.initialize" && status !== "pass");
  if (open !== undefined) return { verdict: "unknown", detail: `${open.id}: ${open.message}`, findings };
  const attacks = checks.filter(({ group, status }) => group === "separation" && status === "pass").length;
  const seen = funnel
    ? `the internet sees ${isOpen ? "only what was opened to it" : "no tool"}, ${attacks} kinds of attack got nothing`
    : "the internet has no view";
  if (outOfReach === undefined) return { verdict: "pass", detail: `the tailnet's side answers, ${seen}`, findings };
  return {
    verdict: "unknown",
    detail: `${seen}, but this machine does not get to the tailnet's side of its own node: ${outOfReach}`,
    findings,
  };
}

/** As the doctor asks. */
const publicResolvers = ["1.1.1.1", "8.8.8.8", "https://1.1.1.1/dns-query"];
const lookupTimeoutMs = 3_000;

/** Returns whether a public resolver gives the name a public address; true where the address was typed. */
export async function hasPublicName(
  host: string,
  { connectTo, publicDns }: Pick<PublicLook, "connectTo" | "publicDns">,
  signal: AbortSignal,
): Promise<boolean> {
  if (applyConnectTo(connectTo, { host, port: 443 }) !== undefined) return true;
  for (const text of publicDns === undefined ? publicResolvers : [publicDns]) {
    const resolver = parseResolver(text, "--public-dns");
    const answer = await resolveName(host, resolver, { timeoutMs: lookupTimeoutMs, signal });
    if (answer.kind === "addresses") return answer.addresses.some(isPublicAddress);
    if (answer.kind === "absent") return false;
  }
  return false;
}
