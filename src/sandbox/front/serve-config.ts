/** Ports on which the internet can be let in. Source: https://tailscale.com/kb/1223/funnel */
export const funnelPorts: readonly number[] = [443, 8443, 10000];

/** What one path of a port leads to. */
export interface Mount {
  readonly path: string;
  /** `http://127.0.0.1:PORT[/path]` or `unix:PATH`, as `tailscale serve` takes it. */
  readonly target: string;
  readonly acceptAppCaps: readonly string[];
}

/** What is served on one port, to the tailnet and, with `funnel`, to the internet too. */
export interface ServedPort {
  readonly funnel: boolean;
  readonly mounts: readonly Mount[];
}

export type ServeConfig = ReadonlyMap<number, ServedPort>;

/**
 * Returns the mount that a decoded path leads to: itself, or the nearest one above its cleaned form, with a slash at the
 * end or without. Undefined for what is no absolute path.
 * Source: tailscale `ipn/ipnlocal/serve.go` getServeHandler.
 */
export function findMount({ mounts }: ServedPort, path: string): Mount | undefined {
  const at = (wanted: string): Mount | undefined => mounts.find((mount) => mount.path === wanted);
  const exact = at(path);
  if (exact !== undefined) return exact;
  if (!path.startsWith("/")) return undefined;
  for (let below = cleanPath(path); ; below = parentOf(below)) {
    const found = at(`${below}/`) ?? at(below);
    if (found !== undefined || below === "/") return found;
  }
}

/** Go's `path.Clean` of an absolute path. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
