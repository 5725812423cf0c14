import type { Invocation } from "./program.ts";

/** What `tailscale serve` is asked for. */
export interface Wanted {
  readonly port: number;
  readonly path: string | undefined;
  readonly target: string;
  readonly acceptAppCaps: readonly string[];
}

/**
 * Returns what the words and flags ask for, or the exit code of what is no question.
 * Source: tailscale `cmd/tailscale/cli/serve_v2.go` validateArgs, srvTypeAndPortFromFlags, cleanURLPath, acceptAppCapsFlag.
 */
export function readWanted({ call, flags, words, name }: Invocation): Wanted | number {
  const say = (exitCode: number, text: string): number => {
    call.writeError(`${text}\n`);
    return exitCode;
  };
  const seeHelp = `try \`tailscale ${name} --help\` for usage info`;
  const https = flags.get("https") ?? "443";
  if (!/^\d+$/.test(https)) return say(2, `invalid value ${JSON.stringify(https)} for flag -https: parse error`);
  const acceptAppCaps = (flags.get("accept-app-caps") ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  const wrong = acceptAppCaps.find((one) => !capabilityName.test(one));
  if (wrong !== undefined) {
    const why = `${JSON.stringify(wrong)} does not match the form {domain}/{name}, where domain must be a fully qualified domain name`;
    return say(2, `invalid value ${JSON.stringify(flags.get("accept-app-caps"))} for flag -accept-app-caps: ${why}`);
  }
  const [target] = words;
  // The usage that follows there is nobody's to read here.
  if (target === undefined) return say(0, `USAGE\n  tailscale ${name} <target>`);
  if (words.length > 2) return say(1, `Error: invalid number of arguments (${words.length})\n${seeHelp}`);
  if (words.length === 2 && words[1] !== "off") return say(1, `Error: invalid argument format\n${seeHelp}`);
  const path = flags.get("set-path");
  const mount = `/${path?.replace(/^\//, "") ?? ""}`;
  if (!isClean(mount)) return say(1, `failed to clean the mount point: invalid mount point ${JSON.stringify(mount)}`);
  const port = Number(https);
  if (port > 65_535) return say(1, `error: port number ${port} is too high for https flag\n\n${seeHelp}`);
  return { port: port === 0 ? 443 : port, path: path === "" ? undefined : path, target, acceptAppCaps };
}

const capabilityName = /^([\p{L}\p{N}-]+\.)+[\p{L}\p{N}-]+\/[\p{L}\p{N}/-]+$/u;

/** Go's `path.Clean` would leave it as it is, but for a slash at its end. */
function isClean(path: string): boolean {
  const parts = path.replace(/\/$/, "").split("/").slice(1);
  return path === "/" || parts.every((part) => part !== "" && part !== "." && part !== "..");
}
