import type { Header } from "../../net/http-message.ts";
import type { TargetContext } from "../context.ts";
import { control } from "../facts/control.ts";
import { waysIn } from "../facts/ways-in.ts";
import type { Manner } from "../probe/look.ts";
import { legacyMessage, type McpMessage, modernMessage } from "../probe/message.ts";
import type { Route } from "../probe/route.ts";
import { type Inside, insideOf } from "./inside.ts";
import { publicDoor } from "./public-door.ts";
import { publicSession } from "./public-session.ts";

/** What a stranger stands before, and whether this run may knock. */
export type Approach =
  /** Not tried: see `Control`. */
  | { readonly kind: "uncontrolled"; readonly reason: string }
  /** Nobody answers there, so there is no door to try. */
  | { readonly kind: "closed"; readonly reason: string }
  | OpenApproach;

export interface OpenApproach {
  readonly kind: "open";
  /** The public way to the place where the tailnet side has its server. */
  readonly route: Route;
  readonly inside: Inside;
  /** The ways that lead to the tools, the cheapest first. */
  readonly manners: readonly Manner[];
  /** Whether nothing is listed but within a session. */
  readonly needsSession: boolean;
  /** Patterns of the tools that the internet may see. */
  readonly allowed: readonly string[];
}

export async function approach(context: TargetContext): Promise<Approach> {
  const standing = await control(context);
  if (standing.kind === "missing") return { kind: "uncontrolled", reason: standing.reason };
  const door = await publicDoor(context);
  if (door.kind === "closed") return door;
  const { route } = door;
  const [inside, ways] = await Promise.all([insideOf(context, route), waysIn(context)]);
  return { kind: "open", route, inside, ...ways, allowed: context.target.publicTools };
}

/** How single messages are written here: in either era, within a session where the server wants one. */
export interface Voice {
  readonly say: (method: string, params: object) => McpMessage;
  /** The headers of the session that was opened for it. */
  readonly session: readonly Header[];
}

/** Returns the cheapest voice to which the server listens on the public side. */
export async function voiceOf(context: TargetContext, open: OpenApproach): Promise<Voice> {
  if (!open.needsSession && open.manners[0]?.opening === "modern") return { say: modernMessage, session: [] };
  const lent = open.needsSession ? await publicSession(context, open.route) : undefined;
  const session = lent?.kind === "open" ? lent.headers : [];
  return { say: (method, params) => legacyMessage(method, params, session), session };
}
