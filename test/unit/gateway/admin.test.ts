import { createServer, request } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { answerAdmin } from "../../../src/gateway/admin.ts";
import { createAdminReach } from "../../../src/gateway/admin-reach.ts";
import { listen } from "../../fakes/listening.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

type Lines = readonly (readonly [string, string])[];

/** A tailscaled that tells what it is like; `undefined`: it does not answer. */
async function startDaemon(told: { TUN: boolean | undefined }): Promise<string> {
  const server = createServer((_request, response) => {
    if (told.TUN === undefined) response.destroy();
    else response.end(JSON.stringify({ Version: "1.102.5", BackendState: "Running", TUN: told.TUN }));
  });
  const socket = join(temporaryDirectory(), "tailscaled");
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => void server.close());
  return socket;
}

/** An admin listener on a port or a socket, as it answers a path. */
async function startAdmin(on: "port" | "socket", told: { TUN: boolean | undefined }, usesTun?: boolean) {
  const socket = await startDaemon(told);
  const path = join(temporaryDirectory(), "admin");
  const address =
    on === "socket" ? ({ kind: "unix", path } as const) : ({ kind: "tcp", host: "127.0.0.1", port: 0 } as const);
  const reach = createAdminReach({ listen: address, socket, usesTun });
  const metrics = { text: async () => "metrics\n", contentType: "text/plain" };
  const server = createServer((incoming, response) => {
    void answerAdmin(incoming, response, { reach, metrics, isReady: async () => [] });
  });
  onTestFinished(() => void server.close());
  if (on === "socket") await new Promise<void>((resolve) => server.listen(path, resolve));
  const to = on === "port" ? { port: await listen(server) } : { socketPath: path };
  return async (asked: string, headers: Lines = [["host", "localhost"]]) => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request({ ...to, path: asked, headers: headers.flat(), setHost: false, agent: false });
      outgoing.once("error", reject);
      outgoing.once("response", (response) => resolve(response.resume().statusCode));
      outgoing.end();
    });
    return status;
  };
}

test.for([
  ["localhost", 200],
  ["LOCALHOST:9090", 200],
  ["localhost:9090", 200],
  ["127.0.0.1:9090", 200],
  ["127.8.9.10", 200],
  ["[::1]:9090", 200],
  ["rebound.example.com:9090", 403],
  ["127.0.0.1.example.com", 403],
  ["localhost.example.com", 403],
  ["node.tail.ts.net", 403],
  ["100.64.0.1:9090", 403],
  ["localhost:9090:1", 403],
] as const)("a port that is asked as %s answers %i", async ([host, status]) => {
  const ask = await startAdmin("port", { TUN: true });
  expect(await ask("/metrics", [["host", host]])).toBe(status);
});

test.for(["port", "socket"] as const)("what a proxy hands on to a %s is refused, whatever it says", async (on) => {
  const ask = await startAdmin(on, { TUN: true });
  for (const name of [
    "X-Forwarded-For",
    "x-forwarded-host",
    "Forwarded",
    "Via",
    "Tailscale-User-Login",
    "tailscale-funnel-request",
  ]) {
    const headers: Lines = [
      ["host", "localhost"],
      [name, "127.0.0.1"],
    ];
    expect([name, await ask("/metrics", headers), await ask("/readyz", headers)]).toEqual([name, 403, 403]);
    expect(await ask("/healthz", headers)).toBe(200);
  }
});

test("a port tells nothing where a tailscaled without TUN leads to it, also one that came later", async () => {
  const told: { TUN: boolean | undefined } = { TUN: undefined };
  const ask = await startAdmin("port", told);
  expect([await ask("/metrics"), await ask("/healthz")]).toEqual([403, 200]);
  told.TUN = true;
  expect(await ask("/metrics")).toBe(200);
  told.TUN = undefined;
  expect(await ask("/metrics")).toBe(200);
  told.TUN = false;
  expect([await ask("/metrics"), await ask("/readyz"), await ask("/healthz")]).toEqual([403, 403, 200]);
});

test("a socket answers whatever tailscaled is like, and under any name", async () => {
  const ask = await startAdmin("socket", { TUN: false });
  expect(await ask("/metrics", [["host", "anything"]])).toBe(200);
});
