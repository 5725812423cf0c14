import { expect, test } from "vitest";
import { admissionOf } from "../../../src/cli/bridge-admission.ts";
import { serverFromUrl } from "../../../src/config/server.ts";
import { startFakeLocalApi } from "../../fakes/local-api.ts";

async function admission(url: string, status: Record<string, unknown>) {
  const socket = await startFakeLocalApi(() => status);
  const server = { ...serverFromUrl(url, "test", "notes"), origin: "/repo/tsmcp.config.json:3:5", trusted: false };
  return admissionOf(server, { env: {}, socket });
}

const running = { BackendState: "Running", CurrentTailnet: { MagicDNSSuffix: "tailnet.ts.net" } };

test("a server of this node's own tailnet may be dialled", async () => {
  const admit = await admission("https://node.tailnet.ts.net:8443/mcp", running);
  await expect(admit()).resolves.toBeUndefined();
});

test.each([
  "https://example.com:8443/mcp",
  "https://node.other.ts.net:8443/mcp",
  "https://eviltailnet.ts.net:8443/mcp",
])("%s, named by a repository, is refused for good", async (url) => {
  const admit = await admission(url, running);
  await expect(admit()).rejects.toMatchObject({ code: "server-foreign", exitCode: 2 });
});

test.each([
  ["logged out", { BackendState: "NeedsLogin" }, "NeedsLogin"],
  ["stopped with a tailnet it was in", { ...running, BackendState: "Stopped" }, "Stopped"],
])("a node that is %s cannot say yet", async (_case, status, word) => {
  const admit = await admission("https://node.tailnet.ts.net:8443/mcp", status);
  await expect(admit()).rejects.toMatchObject({
    code: "dial-failed",
    message: expect.stringContaining(word),
    facts: { layer: "tailscaled" },
  });
});

test("a machine without a tailscaled cannot say yet, and says where it looked", async () => {
  const server = {
    ...serverFromUrl("https://node.tailnet.ts.net:8443/mcp", "test", "notes"),
    origin: "/repo/tsmcp.config.json:3:5",
    trusted: false,
  };
  const admit = admissionOf(server, { env: {}, socket: "/nowhere/tailscaled.sock" });
  await expect(admit()).rejects.toMatchObject({
    code: "dial-failed",
    message: expect.stringContaining("/nowhere/tailscaled.sock"),
  });
});
