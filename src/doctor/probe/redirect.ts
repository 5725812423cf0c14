import { headerOf } from "../../net/http-message.ts";
import { plainText } from "../plain-text.ts";
import type { Reply } from "./caller.ts";
import type { Disguise } from "./disguise.ts";
import type { Route } from "./route.ts";

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where a server sends its caller. */
export interface Redirect {
  /** As the server wrote it, stripped. */
  readonly shown: string;
  /** Whether it leads to the end that was asked, under its real name. */
  readonly isHome: boolean;
}

/** Returns where the reply sends the caller; undefined for one that is no redirect. */
export function redirectOf(reply: Reply, route: Route): Redirect | undefined {
  const next = locationOf(reply, route);
  if (next === undefined) return undefined;
  return { shown: plainText(next.href, 200), isHome: next.host === route.url.host };
}

/**
 * Returns the path of a redirect to another place of the same server: `/mcp` to `/mcp/`. Anywhere else is not followed,
 * nor is one to the place that was asked.
 */
export function redirectedPath(
  reply: Reply,
  { route, disguise, path }: { readonly route: Route; readonly disguise: Disguise; readonly path: string },
): string | undefined {
  const next = locationOf(reply, route);
  if (next === undefined) return undefined;
  // A server that believes the forged name redirects to it; the connection still goes to the real one.
  const names = [route.url.host, disguise.authority, disguise.absolute].map((name) => name?.toLowerCase());
  const nextPath = `${next.pathname}${next.search}`;
  return names.includes(next.host) && nextPath !== path ? nextPath : undefined;
}

function locationOf(reply: Reply, route: Route): URL | undefined {
  if (reply.kind !== "answered" || !redirects.has(reply.status)) return undefined;
  const location = headerOf(reply.headers, "location");
  if (location === undefined || !URL.canParse(location, route.url.href)) return undefined;
  return new URL(location, route.url);
}
