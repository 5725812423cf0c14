import { systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { certificateOf } from "../../net/certificate.ts";
import { tlsOver } from "../../net/tls.ts";
import { type Outcome, targetCheck } from "../check.ts";
import { tailnetRoute } from "../facts/tailnet-way.ts";
import { plainText } from "../plain-text.ts";
import { endOf } from "../target.ts";

export type TlsFinding =
  | { readonly kind: "plain"; readonly url: string }
  | {
      readonly kind: "verified";
      readonly host: string;
      readonly validTo: string;
      readonly issuer: string;
      readonly daysLeft: number;
    }
  /** `code` is Node's or OpenSSL's. */
  | {
      readonly kind: "failed";
      readonly host: string;
      readonly code: string | undefined;
      readonly reason: string;
      readonly now: string;
    };

const dayMs = 24 * 60 * 60 * 1_000;

/** Tailscale renews a certificate of 90 days when a third of it is left. Source: tailscale `ipn/ipnlocal/cert.go`. */
const soonDays = 7;

export const tailnetTls = targetCheck<TlsFinding>({
  id: "tailnet.tls",
  group: "tailnet",
  title: "the certificate on the tailnet side holds",
  needs: ["tailnet.dial"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1153/enabling-https",
  explain: {
    proves:
      "TLS on the server's tailnet port verifies against this machine's authorities, for the name in the URL, for some days yet.",
    breaks:
      "HTTPS that is not switched on in the tailnet, a certificate that could not be renewed, a private authority that this machine does not know, a URL with an address in the place of the name, a clock that is wrong.",
    mend: "Switch HTTPS on in the admin console, use the node's full name, and give a private authority to NODE_EXTRA_CA_CERTS.",
  },
  async gather(context, signal) {
    const route = await tailnetRoute(context, new URL(context.target.server.tailnetUrls[0]));
    if (route.url.protocol === "http:") return { kind: "plain", url: route.url.href };
    const { host } = endOf(route.url);
    try {
      const { socket } = await tlsOver(await route.open(signal), {
        servername: host,
        alpn: ["h2", "http/1.1"],
        ca: route.ca,
        signal,
      });
      const certificate = certificateOf(socket);
      socket.destroy();
      const validTo = certificate?.validTo ?? "";
      const daysLeft = Math.floor((Date.parse(validTo) - Date.now()) / dayMs);
      return { kind: "verified", host, validTo, issuer: plainText(certificate?.issuer ?? ""), daysLeft };
    } catch (error) {
      if (!(error instanceof TsmcpError) || signal.aborted) throw error;
      const reason = plainText(String(error.facts.reason ?? error.message));
      return { kind: "failed", host, code: systemCodeOf(error.cause), reason, now: new Date().toISOString() };
    }
  },
  judge: judgeTls,
});

export function judgeTls(found: TlsFinding): Outcome {
  switch (found.kind) {
    case "plain":
      return { status: "skip", message: `${found.url} is plain HTTP to this machine` };
    case "verified": {
      const { host, validTo, issuer, daysLeft } = found;
      const facts = { host, validTo, issuer, daysLeft: Number.isNaN(daysLeft) ? null : daysLeft };
      if (Number.isNaN(daysLeft))
        return { status: "unknown", message: `${host} verifies; until when cannot be read`, facts };
      if (daysLeft >= soonDays) return { status: "pass", message: `${host}, for ${daysLeft} more days`, facts };
      return {
        status: "warn",
        message: `the certificate of ${host} ends in ${daysLeft} days`,
        facts,
        hint: `renew it on the server: tailscale cert ${host}`,
      };
    }
    case "failed": {
      const { host, code, reason, now } = found;
      const [why, hint] = explainFailure(found);
      return {
        status: "fail",
        message: `TLS with ${host} fails: ${reason}`,
        facts: { host, code: code ?? null, reason, now, why },
        reproduce: `openssl s_client -brief -servername ${host} -connect ${host}:8443 </dev/null`,
        hint,
      };
    }
  }
}

function explainFailure({ host, code, now }: TlsFinding & { kind: "failed" }): readonly [why: string, hint: string] {
  switch (code ?? "") {
    case "CERT_HAS_EXPIRED":
      return [
        `the certificate has ended, or this machine's clock (${now}) is ahead`,
        `renew it on the server: tailscale cert ${host}`,
      ];
    case "CERT_NOT_YET_VALID":
      return [`the certificate has not begun, or this machine's clock (${now}) is behind`, "set this machine's clock"];
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return [
        "the certificate is for another name",
        "write the node's full name into the URL, as tailscale status shows it",
      ];
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return [
        "this machine does not know the authority that signed the certificate",
        "give the authority to NODE_EXTRA_CA_CERTS, or let Tailscale get the certificate: tailscale cert",
      ];
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "EPROTO":
      return ["what listens there does not speak TLS", "put it behind Serve: tailscale serve --bg --https=8443 TARGET"];
    default:
      return [
        "the server ended the handshake, as Serve does for a name or port that it has no certificate for",
        "switch HTTPS on for the tailnet in the admin console, and look at tailscale serve status on the server",
      ];
  }
}
