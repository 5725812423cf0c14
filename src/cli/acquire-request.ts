import type { AcquireRequest } from "../bootstrap/acquire/request.ts";
import { isLoopback } from "../config/server.ts";
import { type Settings, usualMirror } from "../config/settings.ts";
import { TsmcpError } from "../core/errors.ts";
import { isReleaseVersion } from "../tailscale/release.ts";

/**
 * Returns which tailscale is to be got, and from where. Throws `usage-invalid` for a version, checksum or mirror that is
 * none, and for a mirror that anybody between could play, where no pin tells what is right.
 */
export function acquireRequest(
  { tailscaleVersion, sha256, mirror }: Pick<Settings, "tailscaleVersion" | "sha256" | "mirror">,
  directory: string | undefined,
): AcquireRequest {
  const version = tailscaleVersion?.replace(/^v/, "");
  if (version !== undefined && !isReleaseVersion(version)) {
    throw invalid("--tailscale-version", tailscaleVersion ?? "", "is not a version", "write a version such as 1.102.5");
  }
  const bad = sha256.find((pin) => !/^[0-9a-f]{64}$/i.test(pin));
  if (bad !== undefined) {
    throw invalid("--sha256", bad, "is not a SHA-256 checksum", "write the 64 hex digits that sha256sum prints");
  }
  return {
    version,
    pins: sha256.map((pin) => pin.toLowerCase()),
    mirror: mirrorOf(mirror, sha256.length > 0),
    directory,
    mayUsePackage: version === undefined && sha256.length === 0 && directory === undefined && mirror === usualMirror,
  };
}

/** Returns the parts of a list that commas divide. */
export function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function mirrorOf(text: string, isPinned: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid("--mirror", text, "is not a URL", "write the URL of the directory that the archives are in");
  }
  if (url.protocol === "http:" && !isPinned && !isLoopback(url.hostname)) {
    throw invalid(
      "--mirror",
      text,
      "can be played by anybody between here and there",
      "use https, or pin the archive with --sha256",
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function invalid(option: string, value: string, what: string, hint: string): TsmcpError {
  return new TsmcpError({ code: "usage-invalid", message: `${option}: ${JSON.stringify(value)} ${what}`, hint });
}
