import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { type CertificateSummary, certificateOf } from "../../net/certificate.ts";
import { tlsOver } from "../../net/tls.ts";
import { type Outcome, targetCheck } from "../check.ts";
import type { TargetContext } from "../context.ts";
import { publicRoute, publicWay } from "../facts/public-way.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";

type Shown =
  | { readonly kind: "verified"; readonly certificate: CertificateSummary | undefined; readonly nowMs: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "absent"; readonly reason: string };

const dayMs = 24 * 60 * 60 * 1_000;
/** tailscaled renews a certificate when a third of its 90 days is left, at the latest 14 days before. */
const fewDays = 14;

export const publicCertificate = targetCheck<Shown>({
  id: "public.certificate",
  group: "public",
  title: "the public certificate verifies and lasts",
  needs: ["public.address"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1153/enabling-https",
  explain: {
    proves: "The certificate of the public side verifies for its name, and lasts for two weeks at least.",
    breaks: "A certificate that was not renewed, or one of another name or authority: agents refuse the URL.",
    mend: "On the server run: tailscale cert NAME, and look at tailscaled's log.",
  },
  gather: showCertificate,
  judge: judgeCertificate,
});

export function judgeCertificate(shown: Shown): Outcome {
  const hint = "on the server look at tailscaled's log; tailscale cert NAME fetches a certificate";
  if (shown.kind === "absent") return { status: "skip", message: shown.reason };
  if (shown.kind === "refused") {
    return { status: "fail", message: `the certificate does not verify: ${shown.reason}`, hint };
  }
  const { certificate, nowMs } = shown;
  if (certificate === undefined) return { status: "unknown", message: "the server shows no certificate" };
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / dayMs);
  const { issuer, subjectAltNames, validTo } = certificate;
  const facts = { days, validTo, issuer: plainText(issuer), names: plainText(subjectAltNames) };
  if (days < fewDays) return { status: "warn", message: `the certificate ends in ${days} days`, facts, hint };
  return { status: "pass", message: `good for ${days} days`, facts };
}

async function showCertificate(context: TargetContext, signal: AbortSignal): Promise<Shown> {
  const way = await publicWay(context);
  const [url] = context.target.server.publicUrls ?? [];
  if (way.kind !== "open" || url === undefined) return { kind: "absent", reason: "nothing answers there" };
  const route = publicRoute(context, way, new URL(url));
  if (route.shared === undefined) return { kind: "absent", reason: "the public side has no TLS" };
  try {
    const shared = await route.shared.open();
    if (shared !== undefined) return { kind: "verified", certificate: shared.certificate, nowMs: Date.now() };
    const { host } = endOf(route.url);
    const secured = await tlsOver(await route.open(signal), {
      servername: host,
      ca: route.ca,
      alpn: ["http/1.1"],
      signal,
    });
    const certificate = certificateOf(secured.socket);
    secured.socket.destroy();
    return { kind: "verified", certificate, nowMs: Date.now() };
  } catch (error) {
    if (!(error instanceof TsmcpError)) throw error;
    const reason = plainText(String(error.facts.reason ?? error.message));
    // A handshake that was broken off, as where Funnel is off, shows no certificate.
    const code = systemCodeOf(error.cause);
    const isRefused = error.facts.layer === "tls" && code !== undefined && code !== "ECONNRESET" && code !== "EPIPE";
    return { kind: isRefused ? "refused" : "absent", reason };
  }
}
