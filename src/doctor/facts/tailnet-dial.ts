import { TsmcpError } from "../../core/errors.ts";
import { describeProxy } from "../../net/proxy.ts";
import type { TargetContext } from "../context.ts";
import { observation } from "../observation.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";
import { tailnetRoute, targetWay } from "./tailnet-way.ts";

/** What a plain connection to the server's tailnet side came to. */
export interface TailnetDial {
  /** `HOST:PORT` */
  readonly end: string;
  readonly through: string | undefined;
  readonly durationMs: number;
  readonly failure: { readonly layer: string; readonly reason: string } | undefined;
}

/** Dials the server once; several checks stand on it. */
export const tailnetDialed = observation(async (context: TargetContext): Promise<TailnetDial> => {
  const route = await tailnetRoute(context, new URL(context.target.server.tailnetUrls[0]));
  const { proxy } = await targetWay(context);
  const { host, port } = endOf(route.url);
  const startedAt = performance.now();
  const dialed = (failure: TailnetDial["failure"]): TailnetDial => ({
    end: `${host}:${port}`,
    through: proxy && describeProxy(proxy),
    durationMs: Math.round(performance.now() - startedAt),
    failure,
  });
  try {
    (await route.open(context.machine.signal)).destroy();
    return dialed(undefined);
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    return dialed({
      layer: String(error.facts.layer),
      reason: plainText(String(error.facts.reason ?? error.message)),
    });
  }
});
