import { createServer } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The node that the LocalAPI is on. */
export const ownAddress = "100.64.0.9";

/** Who has an address. */
export interface Node {
  readonly StableID: string;
  readonly login: string;
  readonly tags?: readonly string[];
  readonly shared?: boolean;
  /** By grants to the node that the LocalAPI is on. */
  readonly caps?: Readonly<Record<string, readonly unknown[]>>;
  /** By grants to a Tailscale Service. */
  readonly serviceCaps?: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>;
}

export type Nodes = Record<string, Node>;

/** A LocalAPI that tells what `nodes` say at that moment, and counts the questions. */
export async function startWhois(nodes: Nodes): Promise<{
  readonly socket: string;
  readonly asked: string[];
  /** As if tailscaled was killed. */
  readonly stop: () => Promise<void>;
  readonly startAgain: () => Promise<void>;
}> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? "/", "http://localhost");
    if (url.pathname.endsWith("/status")) {
      const Self = { DNSName: "server.tail.ts.net.", TailscaleIPs: [ownAddress], Online: true };
      response.end(JSON.stringify({ Version: "1.102.5", BackendState: "Running", Self }));
      return;
    }
    if (url.pathname.endsWith("/serve-config")) {
      response.end("null");
      return;
    }
    const address = url.searchParams.get("addr") ?? "";
    asked.push(address);
    const node = nodes[address];
    if (node === undefined) {
      response.writeHead(404).end("no match for IP:port");
      return;
    }
    const { StableID, login, tags, shared } = node;
    const service = url.searchParams.get("svc_name");
    const caps = service === null ? node.caps : node.serviceCaps?.[service];
    const Node = {
      StableID,
      Name: `${StableID.toLowerCase()}.tail.ts.net.`,
      Tags: tags,
      Hostinfo: { ShareeNode: shared },
    };
    response.end(JSON.stringify({ Node, UserProfile: { LoginName: login, DisplayName: login }, CapMap: caps ?? {} }));
  });
  const socket = join(temporaryDirectory(), "s");
  const startAgain = (): Promise<void> => new Promise((resolve) => void server.listen(socket, () => resolve()));
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await startAgain();
  onTestFinished(stop);
  return { socket, asked, stop, startAgain };
}
