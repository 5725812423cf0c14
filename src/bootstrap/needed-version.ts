import { TsmcpError } from "../core/errors.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../tailscale/version.ts";
import type { UpRequest } from "./request.ts";

/** What `up` may ask of tailscale's programs that not every version does. */
interface Feature {
  readonly since: TailscaleVersion;
  /** Completes "too old: …". */
  readonly sentence: string;
  readonly isAsked: (request: UpRequest, isSupervised: boolean) => boolean;
}

const since = (major: number, minor: number): TailscaleVersion => ({ major, minor, patch: 0 });

/**
 * The newest first. Read in the sources of the releases before and after: `cmd/tailscale/cli/up.go`,
 * `cmd/tailscaled/tailscaled.go`.
 */
const features: readonly Feature[] = [
  {
    since: since(1, 90),
    sentence: "a workload identity logs in since 1.90",
    isAsked: ({ credential }) => credential?.kind === "identity" || credential?.flag === "--id-token",
  },
  {
    since: since(1, 90),
    sentence: "tailscale up knows --client-secret since 1.90",
    isAsked: ({ credential }) => credential?.kind === "given" && credential.flag === "--client-secret",
  },
  {
    since: since(1, 50),
    sentence: "tailscaled ends with the process that supervises it since 1.50",
    isAsked: (_request, isSupervised) => isSupervised,
  },
  {
    since: since(1, 32),
    sentence: "tailscaled knows --no-logs-no-support since 1.32",
    isAsked: ({ noLogs }) => noLogs,
  },
  {
    since: since(1, 26),
    sentence: "tailscale up knows --timeout since 1.26",
    isAsked: () => true,
  },
];

/** Throws `tailscale-outdated` where the version lacks what is asked. One that cannot be read is not held back. */
export function requireNeededVersion(
  version: string,
  { request, isSupervised }: { readonly request: UpRequest; readonly isSupervised: boolean },
): void {
  const parsed = parseTailscaleVersion(version);
  if (parsed === undefined) return;
  const missing = features.find(
    (feature) => feature.isAsked(request, isSupervised) && !isAtLeast(parsed, feature.since),
  );
  if (missing === undefined) return;
  const { major, minor } = missing.since;
  throw new TsmcpError({
    code: "tailscale-outdated",
    message: `tailscaled ${version} is too old: ${missing.sentence}`,
    hint: `put Tailscale ${major}.${minor} or newer first on PATH; "tsmcp install --dir DIR" gets the newest`,
    facts: { version, since: `${major}.${minor}` },
  });
}
