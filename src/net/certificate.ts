import type { TLSSocket } from "node:tls";

/** What a reader of a report wants to know of a server's certificate. */
export interface CertificateSummary {
  readonly subject: string;
  readonly issuer: string;
  /** As Node writes them: `DNS:node.tailnet.ts.net, IP Address:…`. */
  readonly subjectAltNames: string;
  readonly validFrom: string;
  readonly validTo: string;
  /** SHA-256, in hexadecimal pairs with colons. */
  readonly fingerprint: string;
}

/** Returns the summary of the peer's certificate, or undefined when it showed none. */
export function certificateOf(socket: TLSSocket): CertificateSummary | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    subject: certificate.subject ?? "",
    issuer: certificate.issuer ?? "",
    subjectAltNames: certificate.subjectAltName ?? "",
    validFrom: certificate.validFrom,
    validTo: certificate.validTo,
    fingerprint: certificate.fingerprint256,
  };
}
