import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { StopSignal } from "../core/stop.ts";
import { isAddress, isLoopbackAddress, plainAddress } from "../net/address.ts";
import { type LocalApi, readStatus, readWhois } from "../tailscale/local-api.ts";
import type { NodeSelf } from "../tailscale/status.ts";
import type { Whois } from "../tailscale/whois.ts";
import {
  grantsOf,
  type Holder,
  isNamedByRule,
  type Right,
  type RightsConfig,
  rightsOf,
  rightsOn,
  type UpstreamRights,
} from "./rights.ts";
import type { UpstreamCaller } from "./upstream/upstream.ts";

/** An identified caller, and what it may do. */
export interface Caller extends UpstreamCaller {
  rightsOn(upstream: string): UpstreamRights;
}

/** Who calls from an address, as tailscaled tells; kept for `lifeMs`. */
export interface Identities {
  /** `address` as it stands in the header. At once where it is known; `nobody`: no address of a caller, no node of this tailnet, or one that is to see nothing; `unknown`: no answer. */
  at(address: string, signal: () => StopSignal): Found | Promise<Found>;
  /** This node's own name, as far as tailscaled has told it. */
  ownName(): string | undefined;
  /** Asks tailscaled about this node; false when it does not answer or is not up. */
  isUp(): Promise<boolean>;
  /** Forgets everything: the rules have changed. */
  forget(): void;
}

export type Found = Caller | "nobody" | "unknown";

/** Returns what `then` makes of the caller as it is now; undefined where somebody else, or nobody, has the address. */
export function callerNow<T>(
  identities: Identities,
  { address, key, signal }: { readonly address: string; readonly key: string; readonly signal: () => StopSignal },
  then: (caller: Caller) => T,
): T | undefined | Promise<T | undefined> {
  const judge = (now: Found): T | undefined => (typeof now !== "string" && now.key === key ? then(now) : undefined);
  const found = identities.at(address, signal);
  return found instanceof Promise ? found.then(judge) : judge(found);
}

/** A grant that was taken away holds no longer than this. */
const lifeMs = 3_000;
const selfLifeMs = 30_000;
const maxKept = 4_096;
const askTimeoutMs = 5_000;

export function createIdentities(options: {
  readonly socket: string;
  /** The Tailscale Service that callers reach us by: their grants to it count, not those to this node. */
  readonly service?: string | undefined;
  readonly rights: () => RightsConfig;
  readonly log: Log;
}): Identities {
  const { socket, service, rights, log } = options;
  const kept = new Map<string, { readonly until: number; readonly found: Found }>();
  const asked = new Map<string, Question>();
  let self: { readonly until: number; readonly node: NodeSelf } | undefined;

  const api = (signal?: AbortSignal): LocalApi => ({ socket, timeoutMs: askTimeoutMs, signal });
  const readSelf = async (): Promise<NodeSelf | undefined> => {
    if (self !== undefined && self.until > performance.now()) return self.node;
    const { backendState, self: node } = await readStatus(api());
    if (node === undefined || backendState !== "Running") return undefined;
    self = { until: performance.now() + selfLifeMs, node };
    return node;
  };
  const ask = async ({ address, plain }: { address: string; plain: string }, signal: AbortSignal): Promise<Found> => {
    try {
      const [whois, own] = await Promise.all([readWhois(api(signal), plain, service), readSelf()]);
      if (own === undefined) return "unknown";
      const found = whois === undefined ? "nobody" : callerOf(whois, { address: plain, own, rights: rights() });
      if (kept.size >= maxKept) kept.clear();
      kept.set(address, { until: performance.now() + lifeMs, found });
      return found;
    } catch (error) {
      if (!signal.aborted) log.warn(`cannot tell who calls: ${messageOf(error)}`);
      return "unknown";
    }
  };
  const begin = (address: string, plain: string): Question => {
    const abort = new AbortController();
    const drop = (): void => {
      if (asked.get(address) === question) asked.delete(address);
    };
    const cancel = (): void => {
      drop();
      abort.abort();
    };
    const question: Question = { answer: ask({ address, plain }, abort.signal).finally(drop), askers: 0, cancel };
    asked.set(address, question);
    return question;
  };
  return {
    at(address, signal) {
      const known = kept.get(address);
      if (known !== undefined && known.until > performance.now()) return known.found;
      // Reading an address costs more than looking it up, so only what is new is read.
      const plain = plainCallerAddress(address);
      if (plain === undefined) return "nobody";
      return join(asked.get(address) ?? begin(address, plain), signal());
    },
    ownName: () => self?.node.dnsName,
    isUp: async () => (await readSelf().catch(() => undefined)) !== undefined,
    forget: () => kept.clear(),
  };
}

/** Returns the one address that a header names, in its plain form; loopback is none that tailscaled reports. */
function plainCallerAddress(text: string): string | undefined {
  if (!isAddress(text)) return undefined;
  const plain = plainAddress(text);
  return isLoopbackAddress(plain) ? undefined : plain;
}

/** One question at a time about an address, however many wait for the answer; cancelled with the last of them. */
interface Question {
  readonly answer: Promise<Found>;
  readonly cancel: () => void;
  askers: number;
}

async function join(question: Question, signal: StopSignal): Promise<Found> {
  question.askers += 1;
  const leave = (): void => {
    question.askers -= 1;
    if (question.askers === 0) question.cancel();
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await question.answer;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

function callerOf(
  whois: Whois,
  { address, own, rights }: { address: string; own: NodeSelf; rights: RightsConfig },
): Found {
  const isSelf = own.ips.includes(address) || whois.node === own.dnsName;
  const { capability } = rights;
  const { stableId, node, tags, login, name, picture } = whois;
  const isPerson = tags.length === 0 && login !== "";
  const holder: Holder = {
    login: isPerson ? login : undefined,
    node,
    tags,
    grants: grantsOf(capability === undefined ? undefined : whois.capabilities[capability]),
    standing: isSelf ? "self" : whois.shared ? "shared" : "member",
  };
  if (holder.standing !== "member" && !isNamedByRule(holder, rights)) return "nobody";
  const all: readonly Right[] = rightsOf(holder, rights);
  const byUpstream = new Map<string, UpstreamRights>();
  return {
    key: isPerson ? `user ${login}` : `node ${stableId}`,
    login: holder.login,
    name: isPerson ? name : undefined,
    picture: isPerson && picture !== "" ? picture : undefined,
    node,
    stableId,
    tags,
    grants: holder.grants,
    rightsOn(upstream) {
      const known = byUpstream.get(upstream) ?? rightsOn(all, upstream);
      byUpstream.set(upstream, known);
      return known;
    },
  };
}
