import { TsmcpError } from "../../core/errors.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import { approach } from "../attack/approach.ts";
import type { TargetContext } from "../context.ts";
import { tailnetView } from "../facts/tailnet-view.ts";
import { createCaller, userAgent } from "../probe/caller.ts";
import { plainly } from "../probe/disguise.ts";
import { look, type Sighting } from "../probe/look.ts";
import type { Route } from "../probe/route.ts";
import type { Laboratory } from "./laboratory.ts";
import { laboratoryOf } from "./smuggle.ts";
import { openWire, wireLimitMs } from "./wire.ts";

/** What the tailnet saw before, during and after. */
export type Siege =
  | { readonly kind: "none"; readonly reason: string }
  | {
      readonly kind: "held";
      readonly requests: number;
      readonly during: Sighting;
      readonly after: Sighting;
      readonly tools: readonly string[];
    };

/** More than the workers that servers have by default. */
const requests = 24;

/** Leaves requests from the internet unfinished, and asks for the tools from the tailnet. */
export async function besiegeUnfinished(context: TargetContext, signal: AbortSignal): Promise<Siege> {
  const laboratory = laboratoryOf(context);
  const open = await approach(context);
  if (open.kind === "closed") return { kind: "none", reason: open.reason };
  if (open.kind === "uncontrolled") throw new TsmcpError({ code: "unsupported", message: open.reason });
  const before = await tailnetView(context);
  const lookInside = (): Promise<Sighting> =>
    look(
      createCaller({ route: before.route, disguise: plainly, traffic: context.traffic, signal }),
      before.sighting.opening,
    );
  const letGo = await holdOpen(open.route, { laboratory, signal });
  const during = await lookInside().finally(letGo);
  return { kind: "held", requests, during, after: await lookInside(), tools: before.sighting.tools };
}

/** Returns once every one of them has got to the server. */
async function holdOpen(
  route: Route,
  { laboratory, signal }: { readonly laboratory: Laboratory; readonly signal: AbortSignal },
): Promise<() => void> {
  const arrived = arrivals(laboratory, AbortSignal.any([signal, timeoutSignal(wireLimitMs)]));
  const sockets = await Promise.all(Array.from({ length: requests }, () => openWire(route, signal)));
  const { pathname, search, host } = route.url;
  const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${userAgent}\r\nAccept: application/json, text/event-stream\r\n`;
  for (const socket of sockets) {
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 4096\r\n\r\n{"jsonrpc":"2.0","id":1,`);
    // Its answer may come before its end.
    socket.resume();
  }
  await arrived;
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** Settles when so many requests went out to servers, or `bound` fires: some may be refused before. */
function arrivals(laboratory: Laboratory, bound: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0;
    const finish = (): void => {
      stop();
      resolve();
    };
    const stop = laboratory.watch(({ kind }) => {
      if (kind === "asked") asked += 1;
      if (asked === requests) finish();
    });
    bound.addEventListener("abort", finish, { once: true });
  });
}
