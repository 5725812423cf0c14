import { formatDuration } from "../core/duration.ts";
import { awaitCertificate, awaitPublicName } from "./await-public.ts";
import type { Exposed } from "./outcome.ts";
import type { Exposition } from "./plan.ts";
import type { ExposeRequest, ExposeWorld, Proof } from "./request.ts";

/** The doctor needs some time of its own, however long the rest took. */
const minProofMs = 20_000;

/** Waits for what others have to do (the certificate, the public name), and lets the doctor look and attack. */
export async function proveExposure(
  { host }: Exposition,
  exposed: Exposed,
  { request, world }: { readonly request: ExposeRequest; readonly world: ExposeWorld },
): Promise<Proof> {
  const end = performance.now() + request.waitMs;
  const leftMs = (): number => Math.max(0, Math.round(end - performance.now()));
  if (request.service === undefined) {
    world.log.info(`certificate: waiting (up to ${formatDuration(request.waitMs)})`);
    const certificate = await awaitCertificate(host, { request, world, leftMs: leftMs() });
    world.log.info(`certificate: ${certificate.kind === "there" ? "done" : "unknown"} (${certificate.detail})`);
  }
  if (request.funnel) {
    world.log.info("name: waiting for public DNS");
    const name = await awaitPublicName(host, { world, leftMs: leftMs() });
    world.log.info(`name: ${name.kind === "there" ? "done" : "unknown"} (${name.detail})`);
    if (name.kind === "late") return { verdict: "unknown", detail: name.detail, findings: [] };
  }
  world.log.info("proof: the doctor looks at both sides and attacks the public one");
  const proof = await world.prove({
    host,
    tailnetUrls: exposed.tailnetUrls,
    funnel: request.funnel,
    waitMs: Math.max(leftMs(), minProofMs),
    signal: world.signal,
  });
  world.log.info(`proof: ${proof.verdict} (${proof.detail})`);
  return proof;
}
