import { type Disguise, disguisedAs } from "../probe/disguise.ts";
import type { Ruse } from "./attack.ts";
import { fromInside } from "./forwarding.ts";
import { asSomebody } from "./identity.ts";
import type { Inside } from "./inside.ts";

/** Node's own limit, what people raise it to, and the most that fits Node's 16 KiB of header. */
const counts = [1_100, 2_100] as const;

/**
 * Requests with more header lines than the server keeps. tailscaled sends headers sorted by name, so what is dropped is
 * everything after the filler. "s" sorts after what MCP needs (Accept, Content-Type, Mcp-Session-Id) and what a stranger
 * may forge (Client-Ip, Forwarded, Remote-User), and before tailscaled's marks (Tailscale-Funnel-Request, X-Forwarded-For).
 * Source: https://nodejs.org/api/http.html#servermaxheaderscount
 */
export function crowdRuses(inside: Inside): Ruse[] {
  const end = `${inside.tailnetHost}:${inside.port}`;
  const host: Disguise = { label: `Host: ${end}`, protocol: "h1", authority: end, headers: [] };
  const local: Disguise = { label: "Host: localhost", protocol: "h1", authority: "localhost", headers: [] };
  const forged = disguisedAs(fromInside(inside), asSomebody(inside));
  // Of what is forged, only what sorts before the filler arrives, and the whole must fit the header.
  const early = forged.headers.filter(([name]) => name.toLowerCase() < "s");
  const [usual, large] = counts.map(crowdOf);
  if (usual === undefined || large === undefined) return [];
  return [
    { disguise: usual, isStrong: true },
    { disguise: disguisedAs(usual, host) },
    { disguise: disguisedAs(usual, local) },
    { disguise: disguisedAs(usual, { label: "forged addresses", protocol: "h1", headers: early }) },
    // At this count an id of the other side still arrives and the mark does not, whatever the filler's name.
    { disguise: windowOf(994) },
    { disguise: large },
    { disguise: disguisedAs(large, host) },
  ];
}

function crowdOf(count: number): Disguise {
  return {
    label: `${count.toLocaleString("en")} more header lines`,
    protocol: "h1",
    headers: [],
    fillers: [{ header: ["s", "b"], count }],
  };
}

/** Lines that sort before everything: what is dropped begins in the middle of what the server needs. */
function windowOf(count: number): Disguise {
  return { ...crowdOf(count), fillers: [{ header: ["a", "b"], count }] };
}
