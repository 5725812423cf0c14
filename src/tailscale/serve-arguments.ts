/** One handler of `tailscale serve` or `tailscale funnel`. */
export interface ServeChange {
  readonly verb: "serve" | "funnel";
  readonly port: number;
  readonly mount: string;
  /** A Tailscale Service in the node's place. */
  readonly service: string | undefined;
  /** Handed on to the server, where the tailnet's policy grants them. */
  readonly capabilities: readonly string[];
}

/**
 * Returns the arguments of `tailscale` that add a handler: for as long as the program runs, or, in the `background`, until it
 * is taken away. `--yes`, because nobody is there to answer.
 */
export function serveArguments(
  { verb, port, mount, service, capabilities }: ServeChange,
  { socket, target, background }: { readonly socket: string; readonly target: string; readonly background: boolean },
): string[] {
  return [
    `--socket=${socket}`,
    verb,
    ...(background ? ["--bg"] : []),
    "--yes",
    ...(service === undefined ? [] : [`--service=${service}`]),
    `--https=${port}`,
    `--set-path=${mount}`,
    ...(capabilities.length === 0 ? [] : [`--accept-app-caps=${capabilities.join(",")}`]),
    target,
  ];
}

/**
 * Returns the arguments that take one handler away. By `serve` also where Funnel is on, which ends with the port's last handler:
 * `funnel … off` refuses, or waits, where the tailnet allows Funnel no longer. Without a path every handler of the
 * port would go. Source: tailscale 1.102.5 `cmd/tailscale/cli/serve_v2.go` runServeCombined, removeWebServe.
 */
export function serveOffArguments(
  { port, mount, service }: Pick<ServeChange, "port" | "mount" | "service">,
  { socket }: { readonly socket: string },
): string[] {
  return [
    `--socket=${socket}`,
    "serve",
    "--yes",
    ...(service === undefined ? [] : [`--service=${service}`]),
    `--https=${port}`,
    `--set-path=${mount}`,
    "off",
  ];
}

/** Returns the arguments that make the node a host of the Service no longer, which `serve --service` made it. */
export function drainArguments(service: string, { socket }: { readonly socket: string }): string[] {
  return [`--socket=${socket}`, "serve", "drain", service];
}
