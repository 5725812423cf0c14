import { type Attack, attack, type Ruse } from "../attack/attack.ts";
import { crowdRuses } from "../attack/crowd.ts";
import { forgeMessages, forgePaths, forgeUpgrades } from "../attack/forged-messages.ts";
import { forwardingRuses } from "../attack/forwarding.ts";
import { hostRuses } from "../attack/hosts.ts";
import { identityRuses } from "../attack/identity.ts";
import type { Inside } from "../attack/inside.ts";
import { judgeAttack } from "../attack/judge-attack.ts";
import { askQuestions, listQuestions, rareQuestions } from "../attack/methods.ts";
import { isOwnHost } from "../authorized.ts";
import { type CheckId, type TargetCheck, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";

const serveSource = "https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/ipnlocal/serve.go";
const twoListeners =
  "give each exposure a listener of its own (two ports or two sockets), so that no header decides who may see the tools";

/** A check that sends forged requests from the internet and must see no tool. */
function forgery(definition: {
  readonly id: CheckId;
  readonly title: string;
  readonly source: string;
  readonly mandatory?: true;
  readonly proves: string;
  readonly breaks: string;
  readonly mend: string;
  /** What to send: disguises of ordinary requests, or requests of another kind. */
  readonly ruses?: (inside: Inside) => readonly Ruse[];
  /** How many requests the disguises may take. */
  readonly share?: number;
  readonly forge?: (context: TargetContext, signal: AbortSignal) => Promise<Attack>;
}): TargetCheck<Attack> {
  const { id, title, source, mandatory, proves, breaks, mend, ruses = () => [], share = 0 } = definition;
  const { forge = (context, signal) => attack(context, { signal, ruses, share }) } = definition;
  return targetCheck<Attack>({
    id,
    group: "separation",
    title,
    needs: ["public.tools"],
    timeoutMs: 60_000,
    ...(mandatory === undefined ? {} : { mandatory }),
    source,
    explain: { proves, breaks, mend },
    moreNeeds: (context) => (isOwnHost(context) ? [] : ["tailnet.initialize"]),
    gather: forge,
    judge: (found) => judgeAttack(found, { why: breaks, mend }),
  });
}

export const separationHostHeader = forgery({
  id: "separation.host-header",
  title: "no host name opens the public side",
  source: serveSource,
  mandatory: true,
  proves:
    "Whatever host a stranger names, in HTTP/1.1, HTTP/2 or an absolute request target, the public side shows no tools.",
  breaks:
    "tailscaled copies the client's own Host into X-Forwarded-Host and never compares it with the port, so a gate that trusts X-Forwarded-Host or Host trusts what the stranger wrote.",
  mend: twoListeners,
  ruses: hostRuses,
  share: 36,
});

export const separationForwardingHeaders = forgery({
  id: "separation.forwarding-headers",
  title: "no forwarding header opens the public side",
  source: serveSource,
  proves:
    "X-Forwarded-*, Forwarded, X-Real-IP and their like, with tailnet and loopback addresses, show a stranger no tools.",
  breaks:
    "tailscaled replaces X-Forwarded-For and X-Forwarded-Host, and passes on every other header that says where a request comes from.",
  mend: twoListeners,
  ruses: forwardingRuses,
  share: 18,
});

export const separationIdentityHeaders = forgery({
  id: "separation.identity-headers",
  title: "no identity header opens the public side",
  source: serveSource,
  proves:
    "Forged Tailscale-User-*, Tailscale-App-Capabilities and similar headers, underscore forms included, show a stranger no tools.",
  breaks:
    "A server that folds underscores into dashes takes Tailscale_User_Login for the real header; before 1.92 tailscaled let Tailscale-App-Capabilities through; a raw TCP Funnel strips nothing.",
  mend: "ask tailscaled itself (whois) who the caller is, and give each exposure a listener of its own",
  ruses: identityRuses,
  share: 14,
});

export const separationHeaderCount = forgery({
  id: "separation.header-count",
  title: "a flood of header lines hides no mark",
  source: "https://nodejs.org/api/http.html#servermaxheaderscount",
  proves: "With more header lines than Node keeps, the public side still shows no tools.",
  breaks:
    "Node keeps the first 1,000 header lines and drops the rest without a word, Tailscale-Funnel-Request and X-Forwarded-For among them; a gate that takes a missing mark for proof lets the stranger in.",
  mend: "set server.maxHeadersCount = 0, or update Node.js (22.23.3, 24.21.0), and never take a missing header for proof",
  ruses: crowdRuses,
  share: 12,
});

export const separationMessages = forgery({
  id: "separation.messages",
  title: "no spelling of a message opens the public side",
  source: "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports",
  proves:
    "Batches, doubled and case-folded keys, escapes, other encodings and content types, Mcp-* headers that disagree with the body, and other methods of HTTP show a stranger no tools.",
  breaks:
    "A gate that looks at the bytes, the headers or the first key of a message decides about another message than the one that the server behind it reads.",
  mend: "parse the message once, decide by what was parsed, and hand on what was understood in place of the raw bytes",
  forge: forgeMessages,
});

export const separationPaths = forgery({
  id: "separation.paths",
  title: "no spelling of the path opens the public side",
  source: serveSource,
  proves:
    "Doubled slashes, dot segments, percent-encodings, other letters and the endpoints of older transports show a stranger no tools.",
  breaks:
    "A gate compares the path as it was sent and the server as it is meant; behind a Funnel target with a path, /../mcp leads out of it.",
  mend: "give the public side a server of its own with no private path, and compare paths after they are tidied up",
  forge: forgePaths,
});

export const separationUpgrade = forgery({
  id: "separation.upgrade",
  title: "no other protocol opens the public side",
  source: "https://www.rfc-editor.org/rfc/rfc9110#name-upgrade",
  proves: "Upgrade to websocket and to h2c shows a stranger no tools.",
  breaks:
    "A gate sits on requests and not on upgrades; after h2c the stranger writes tailscaled's own headers, which nobody removes any more.",
  mend: "refuse every Upgrade on the public side, and let one gate stand before requests and upgrades alike",
  forge: forgeUpgrades,
});

export const separationMethods = forgery({
  id: "separation.methods",
  title: "no other method tells a stranger anything",
  source: "https://modelcontextprotocol.io/specification/2025-11-25/server",
  proves:
    "Prompts, resources, resource templates, completions, tasks, skills and directories are as empty for a stranger as the list of tools, and a cursor of the tailnet side opens no page.",
  breaks: "A gate that knows tools/list and tools/call and hands everything else on.",
  mend: "Refuse on the public side every method that is not needed there, by an allow-list",
  forge: (context, signal) => askQuestions(context, { questions: [...listQuestions, ...rareQuestions], signal }),
});
