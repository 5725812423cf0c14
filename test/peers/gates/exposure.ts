import type { TailnetNode } from "../../tailnet/harness/node.ts";

/** One `tailscale serve` or `tailscale funnel`. */
export type Exposure =
  | { readonly verb: "serve" | "funnel"; readonly port: number; readonly target: string }
  /** Past which nobody touches the headers. */
  | { readonly verb: "funnel-tcp"; readonly port: number; readonly target: string };

/** The copied recipe: one port behind both. */
export function recipe(port: number): readonly Exposure[] {
  const target = `http://127.0.0.1:${port}`;
  return [
    { verb: "serve", port: 8443, target },
    { verb: "funnel", port: 443, target },
  ];
}

/** Takes back what the node exposes, and exposes this. */
export async function expose(node: TailnetNode, exposures: readonly Exposure[]): Promise<void> {
  await node.tailscale(["serve", "reset"]);
  for (const { verb, port, target } of exposures) {
    if (verb === "serve") await node.serve({ port, target });
    else if (verb === "funnel") await node.funnel({ port, target });
    else {
      const done = await node.tailscale(["funnel", "--bg", "--yes", `--tls-terminated-tcp=${port}`, target]);
      if (done.exitCode !== 0) throw new Error(`${done.stdout}${done.stderr}`);
    }
  }
}
