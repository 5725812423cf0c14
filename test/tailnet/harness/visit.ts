import type { Seen } from "./echo.ts";
import type { TailnetNode } from "./node.ts";
import { run } from "./run.ts";
import type { Tailnet } from "./tailnet.ts";

export interface Visit {
  readonly url: string;
  /** The node to go through by its proxy; without it, the public internet. */
  readonly from?: TailnetNode;
  /** The words that start curl in a network of its own, from where it goes straight. */
  readonly within?: readonly string[];
  /** More arguments for curl. */
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
}

export type Visited =
  | { readonly kind: "answered"; readonly status: number; readonly body: string }
  | { readonly kind: "failed"; readonly curlExitCode: number | null; readonly message: string };

/** Fetches a URL with stock curl, from the public side or through a node's proxy. */
export async function visit(
  tailnet: Tailnet,
  { url, from, within, args = [], timeoutMs = 30_000 }: Visit,
): Promise<Visited> {
  const route =
    within !== undefined ? [] : from === undefined ? publicRoute(tailnet, url) : ["--proxy", `http://${from.proxy}`];
  const [file, ...words] = [...(within ?? []), "curl"];
  const done = await run(
    file,
    [
      ...words,
      "-sS",
      "--cacert",
      tailnet.caFile,
      "--max-time",
      String(timeoutMs / 1000),
      "-w",
      "\n%{http_code}",
      ...route,
      ...args,
      url,
    ],
    { env: { PATH: process.env.PATH }, timeoutMs: timeoutMs + 5_000 },
  );
  if (done.exitCode !== 0) return { kind: "failed", curlExitCode: done.exitCode, message: done.stderr.trim() };
  const at = done.stdout.lastIndexOf("\n");
  return { kind: "answered", status: Number(done.stdout.slice(at + 1)), body: done.stdout.slice(0, at) };
}

/** What the echo backend saw of the visit. Throws when there was no answer. */
export async function seenBy(tailnet: Tailnet, what: Visit): Promise<Seen> {
  const visited = await visit(tailnet, what);
  if (visited.kind === "failed") throw new Error(`${what.url}: ${visited.message}`);
  return JSON.parse(visited.body);
}

function publicRoute(tailnet: Tailnet, url: string): string[] {
  return tailnet.connectTo(new URL(url).hostname).flatMap((mapping) => ["--connect-to", mapping]);
}
