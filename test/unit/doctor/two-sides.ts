import { serverFromUrl } from "../../../src/config/server.ts";
import { silentLog } from "../../../src/core/log.ts";
import type { DoctorRequest, World } from "../../../src/doctor/context.ts";
import { type DoctorReport, runDoctor } from "../../../src/doctor/run-doctor.ts";
import { freePort } from "../../../src/net/listening.ts";
import { certificate } from "../../fakes/certificate.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";
import { startServeFront } from "../../fakes/serve-front.ts";

export const host = "node.tailnet.test";

/** A server seen from both sides: a fake tailnet proxy leads to Serve, `--connect-to` leads to Funnel. */
export interface TwoSides extends AsyncDisposable {
  readonly world: World;
  readonly request: DoctorRequest;
  examine(request?: Partial<DoctorRequest>): Promise<DoctorReport>;
}

/** Puts both exposures in front of `privatePort` and `publicPort`, the same one in the copied recipe. */
export async function startTwoSides(ports: {
  readonly privatePort: number;
  readonly publicPort: number;
  readonly login?: string;
  readonly path?: string;
}): Promise<TwoSides> {
  const { login, path = "/mcp" } = ports;
  const serve = await startServeFront({
    backendPort: ports.privatePort,
    exposure: { kind: "serve", ...(login === undefined ? {} : { login }) },
  });
  const funnel = await startServeFront({ backendPort: ports.publicPort, exposure: { kind: "funnel" } });
  const proxy = await startFakeProxy({ names: { [host]: serve.port } });
  const world: World = {
    env: { PATH: "", HOME: "/nonexistent", TSMCP_PROXY: `http://127.0.0.1:${proxy.port}` },
    signal: new AbortController().signal,
    log: silentLog,
    socket: "/nonexistent/tailscaled.sock",
    ca: certificate,
  };
  // Nothing listens at the other ports that Funnel has.
  const closed = await freePort();
  const ends = [443, 8443, 10_000].map((port) => [port, port === 443 ? funnel.port : closed] as const);
  const connectTo = ends.map(([port, toPort]) => ({ host, port, address: "127.0.0.1", toPort }));
  const server = serverFromUrl(`https://${host}:8443${path}`, "test");
  const target = { server, expectedTools: [], minTools: undefined, publicTools: [], probe: undefined };
  const request: DoctorRequest = {
    targets: [target],
    only: [],
    skip: [],
    strict: false,
    waitMs: 0,
    vantage: "auto",
    connectTo,
    publicDns: undefined,
    headers: [],
    authorized: [host],
    capabilities: [],
  };
  return {
    world,
    request,
    examine: (changes = {}) => runDoctor({ ...request, ...changes }, world),
    async [Symbol.asyncDispose]() {
      for (const part of [proxy, serve, funnel]) await part[Symbol.asyncDispose]();
    },
  };
}
