import { createServer } from "node:http";
import { join } from "node:path";

/** Returns the socket, below `directory`, of a stand-in for tailscaled that knows every address as a user of its own. */
export async function startTailscaled(
  directory: string,
  version = "1.102.5",
): Promise<{ socket: string } & AsyncDisposable> {
  const socket = join(directory, "tailscaled.sock");
  const server = createServer((request, response) => {
    const address = new URL(request.url ?? "/", "http://localhost").searchParams.get("addr") ?? "";
    const name = `user-${address.replaceAll(".", "-")}`;
    const whois = {
      Node: { StableID: name, Name: `${name}.tail.ts.net.` },
      UserProfile: { LoginName: `${name}@example.com`, DisplayName: name },
      CapMap: {},
    };
    response.end(JSON.stringify(request.url?.includes("/whois") === true ? whois : { Version: version, ...status }));
  });
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
  return {
    socket,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const status = {
  BackendState: "Running",
  Self: { DNSName: "server.tail.ts.net.", HostName: "server", TailscaleIPs: ["100.64.0.1"], Online: true },
};
