import { request } from "node:http";

/** The fields of `tailscale status --json` that tests look at. */
export interface NodeStatus {
  readonly BackendState: string;
  readonly AuthURL: string;
  readonly Health: readonly string[] | null;
  readonly Self?: {
    readonly DNSName: string;
    readonly TailscaleIPs: readonly string[] | null;
    readonly Tags?: readonly string[];
    readonly Online: boolean;
    readonly KeyExpiry?: string;
    readonly CapMap?: Readonly<Record<string, unknown>>;
  };
  readonly Peer: Readonly<Record<string, { readonly DNSName: string; readonly Online: boolean }>> | null;
}

/** Asks the daemon itself, which is ten times as fast as the command line. Returns undefined when nobody answers. */
export async function localStatus(socketPath: string): Promise<NodeStatus | undefined> {
  const body = await localGet(socketPath, "/localapi/v0/status");
  return body === undefined ? undefined : JSON.parse(body);
}

function localGet(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const ask = request(
      { socketPath, path, host: "local-tailscaled.sock", agent: false, timeout: 30_000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined));
        answer.on("error", () => resolve(undefined));
      },
    );
    ask.on("timeout", () => ask.destroy());
    ask.on("error", () => resolve(undefined));
    ask.end();
  });
}
