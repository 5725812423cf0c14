import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { meetPeer } from "../../../src/tailscale/meet-peer.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const peer = { DNSName: "server.tail1.ts.net.", TailscaleIPs: ["100.64.0.2"], Online: true };

/** A daemon with one peer, which answers from the ping on that `answers` says; those before are never answered. */
async function daemon({ peer, answers }: { peer: object; answers: number }) {
  let pings = 0;
  const server = createServer((request, response) => {
    if (request.url === "/localapi/v0/status") return response.end(JSON.stringify({ Peer: { key: peer } }));
    expect(request.url).toBe("/localapi/v0/ping?ip=100.64.0.2&type=disco");
    pings += 1;
    return pings >= answers ? response.end("{}") : undefined;
  });
  const socket = join(temporaryDirectory(), "s");
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { socket, pings: () => pings };
}

test("meetPeer asks again until a ping is answered, without waiting for those before", async () => {
  const { socket, pings } = await daemon({ peer, answers: 3 });
  expect(await meetPeer({ socket }, "SERVER.tail1.ts.net", 20_000)).toBe(true);
  expect(pings()).toBeGreaterThanOrEqual(3);
});

test("meetPeer gives up at its limit when no ping is answered", async () => {
  const { socket, pings } = await daemon({ peer, answers: Number.POSITIVE_INFINITY });
  expect(await meetPeer({ socket }, "100.64.0.2", 400)).toBe(false);
  expect(pings()).toBeGreaterThan(0);
});

test("meetPeer ends at once when it is told to", async () => {
  const { socket } = await daemon({ peer, answers: Number.POSITIVE_INFINITY });
  expect(await meetPeer({ socket, signal: AbortSignal.abort() }, "100.64.0.2", 60_000)).toBe(false);
});

test.each([
  ["no node has the name", peer, "other.tail1.ts.net"],
  ["the node is off", { ...peer, Online: false }, "server.tail1.ts.net"],
])("meetPeer sends no ping when %s", async (_when, known, host) => {
  const { socket, pings } = await daemon({ peer: known, answers: 1 });
  expect(await meetPeer({ socket }, host, 60_000)).toBe(false);
  expect(pings()).toBe(0);
});

test("meetPeer waits for nothing when no daemon answers", async () => {
  expect(await meetPeer({ socket: join(temporaryDirectory(), "none") }, "server.tail1.ts.net", 60_000)).toBe(false);
});
