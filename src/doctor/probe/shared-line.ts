import type { Socket } from "../../net/dial.ts";
import { type SharedConnection, shareConnection } from "../../net/shared-connection.ts";
import type { TargetContext } from "../context.ts";
import { endOf, type Side } from "../target.ts";

const lines = new WeakMap<TargetContext, Map<string, SharedConnection>>();

/** Returns the one connection of this run to the end that `url` names on one side; undefined without TLS. */
export function sharedLine(
  context: TargetContext,
  { side, url, dial }: { readonly side: Side; readonly url: URL; readonly dial: () => Promise<Socket> },
): SharedConnection | undefined {
  if (url.protocol !== "https:") return undefined;
  const known = lines.get(context) ?? new Map<string, SharedConnection>();
  lines.set(context, known);
  const { host, port } = endOf(url);
  const key = `${side} ${host} ${port}`;
  const line =
    known.get(key) ??
    shareConnection({
      dial,
      tls: { servername: host, ca: context.machine.world.ca },
      signal: context.machine.signal,
    });
  known.set(key, line);
  return line;
}
