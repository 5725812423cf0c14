import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { proxyReaches } from "../../../src/tailscale/self-dial.ts";
import type { NodeStatus } from "../../../src/tailscale/status.ts";

const status: NodeStatus = {
  version: "1",
  authUrl: "",
  health: [],
  magicDnsSuffix: "t.ts.net",
  usesTun: false,
  backendState: "Running",
  self: {
    dnsName: "vm.t.ts.net",
    hostName: "vm",
    ips: ["100.64.0.1"],
    tags: [],
    online: true,
    expired: false,
    peerApiUrls: ["http://100.64.0.1:4321"],
    capabilities: [],
  },
};

/** Says yes to every CONNECT. */
async function yesSayer(uid: number | undefined): Promise<number> {
  const program = `require("node:net").createServer((socket) => socket.on("error", () => {}).once("data", () =>
    socket.write("HTTP/1.1 200 OK\\r\\n\\r\\n"))).listen(0, "127.0.0.1", function () { console.log(this.address().port) })`;
  const child = spawn(process.execPath, ["-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: "/",
    ...(uid === undefined ? {} : { uid }),
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return Number(String(line));
}

const reaches = (port: number): Promise<boolean> =>
  proxyReaches({ proxy: { host: "127.0.0.1", port }, status, signal: new AbortController().signal });

test("proxyReaches believes the answer of a proxy of this user", async () => {
  expect(await reaches(await yesSayer(undefined))).toBe(true);
});

test.runIf(process.getuid?.() === 0)(
  "proxyReaches does not believe another user's proxy, whatever it answers",
  async () => {
    expect(await reaches(await yesSayer(65_534))).toBe(false);
  },
);
