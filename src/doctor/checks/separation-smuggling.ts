import type { Attack } from "../attack/attack.ts";
import { judgeAttack } from "../attack/judge-attack.ts";
import { targetCheck } from "../check.ts";
import { takeOver } from "../intrusive/shared-connection.ts";
import { smuggle } from "../intrusive/smuggle.ts";

const serveSource = "https://github.com/tailscale/tailscale/blob/v1.102.5/ipn/ipnlocal/serve.go";

const smuggling = {
  why: "A server that answers without reading the body, and keeps the connection, takes what is left for the next request: one that tailscaled never saw, with whatever identity the stranger wrote, on a connection that the tailnet shares.",
  mend: "Read every body to its end, or answer with Connection: close; and give each exposure a listener of its own, so that no connection is shared",
};

export const separationSmuggling = targetCheck<Attack>({
  id: "separation.smuggling",
  group: "separation",
  title: "no request stands in the body of another",
  needs: ["public.tools"],
  sandboxOnly: true,
  timeoutMs: 120_000,
  source: "https://www.rfc-editor.org/rfc/rfc9112#name-request-smuggling",
  explain: {
    proves:
      "Bodies on every method, with a length or in chunks, unread, late or long, and headers that look like framing make the server answer no request that a stranger wrote into a body.",
    breaks: smuggling.why,
    mend: smuggling.mend,
  },
  gather: smuggle,
  judge: (found) => judgeAttack(found, smuggling),
});

const connection = {
  why: "tailscaled keeps its connections to a server for whoever comes next, from Serve or from Funnel; a gate that decides once for a connection decides for a stranger too.",
  mend: "Decide for each request anew, and give each exposure a listener of its own",
};

export const separationConnection = targetCheck<Attack>({
  id: "separation.connection",
  group: "separation",
  title: "who used a connection before decides nothing",
  needs: ["public.tools"],
  sandboxOnly: true,
  timeoutMs: 60_000,
  source: serveSource,
  explain: {
    proves:
      "On connections that the tailnet used before it, the internet sees no tool, and on those that the internet used the tailnet sees them all.",
    breaks: connection.why,
    mend: connection.mend,
  },
  gather: takeOver,
  judge: (found) => judgeAttack(found, connection),
});
