import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startSandbox } from "../../src/sandbox/sandbox.ts";

/** The tailnet that the demo plays on: one server, and all that a machine needs to join it. */
export interface Place extends AsyncDisposable {
  /** Completes "A tailnet on this machine: …". */
  readonly description: string;
  /** The server's name, and the socket of its tailscaled. */
  readonly host: string;
  readonly socket: string;
  /** `HOST:PORT:ADDRESS:PORT`: where the internet is. */
  readonly connectTo: readonly string[];
  /** With this tailnet's tailscale on PATH, and its authority trusted. */
  readonly env: Readonly<Record<string, string>>;
  /** What `tsmcp up` is told of this tailnet. */
  readonly upArguments: readonly string[];
  readonly key: string;
  /** Gone at the end. */
  readonly home: string;
  /** Serves a target to the tailnet on 8443, or to the internet on 443. */
  serve(target: string): Promise<void>;
  funnel(target: string): Promise<void>;
}

/** Starts the imitation, which needs nothing but Node. */
export async function startSandboxPlace(): Promise<Place> {
  const sandbox = await startSandbox();
  const { host, socket, callers, binDir, caFile, authKeys, directory } = sandbox;
  return {
    description: "an imitation of Serve, Funnel and tailscaled in one process (--real: the real ones)",
    host,
    socket,
    connectTo: callers.internet.connectTo,
    env: { PATH: `${binDir}:${process.env.PATH ?? ""}`, NODE_EXTRA_CA_CERTS: caFile, SSL_CERT_FILE: caFile },
    upArguments: [],
    key: authKeys.agent,
    home: newHome(directory),
    serve: async (target) => sandbox.serve({ port: 8443, target }),
    funnel: async (target) => sandbox.serve({ port: 443, target, funnel: true }),
    [Symbol.asyncDispose]: () => sandbox.close(),
  };
}

/** Starts stock tailscaled against a coordination server of our own; needs Go, too. */
export async function startRealPlace(): Promise<Place> {
  const { startTailnet } = await import("../../test/tailnet/harness/tailnet.ts");
  const tailnet = await startTailnet();
  try {
    const server = await tailnet.startNode({ hostname: "server", tags: ["tag:server"] });
    return {
      description: "stock tailscaled, real WireGuard, Serve and Funnel; no account",
      host: server.dnsName,
      socket: server.socket,
      connectTo: tailnet.connectTo(server.dnsName),
      env: tailnet.env(),
      upArguments: ["--login-server", tailnet.controlUrl, "--no-logs-no-support"],
      key: await tailnet.createKey({ tags: ["tag:agent"], reusable: true, ephemeral: true }),
      home: newHome(tailnet.tempDir()),
      serve: (target) => server.serve({ port: 8443, target }),
      funnel: (target) => server.funnel({ port: 443, target }),
      async [Symbol.asyncDispose]() {
        await tailnet.close();
      },
    };
  } catch (error) {
    await tailnet.close();
    throw error;
  }
}

function newHome(directory: string): string {
  const home = join(directory, "home");
  mkdirSync(home, { mode: 0o700 });
  return home;
}
