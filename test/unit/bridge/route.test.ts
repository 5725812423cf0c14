import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { findRoute } from "../../../src/bridge/route.ts";
import { writeRecord } from "../../../src/core/record.ts";
import type { DialRoute } from "../../../src/net/dial.ts";
import { freePort, ownerUidOfPort } from "../../../src/net/listening.ts";
import { describeProxy } from "../../../src/net/proxy.ts";
import { listen } from "../../fakes/listening.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function emptyHome(): string {
  const home = mkdtempSync(join(tmpdir(), "tsmcp-route-"));
  cleanups.push(() => rmSync(home, { recursive: true }));
  return home;
}

function homeWithRecord(port: number): string {
  const home = emptyHome();
  const proxy = { host: "127.0.0.1", port };
  writeRecord({ env: { HOME: home } }, { version: 1, socket: "/s", stateDir: "/d", entries: [], exports: [], proxy });
  return home;
}

const target = { host: "node.tail.ts.net", port: 8443, tls: true };
const shown = (route: DialRoute): string =>
  route !== undefined && "protocol" in route ? describeProxy(route) : "none";

test("the places are asked in their order, each when those before say nothing", async () => {
  const HOME = homeWithRecord(4001);
  const usualPort = await freePort();
  const all = { TSMCP_PROXY: "socks5h://own:1", HTTPS_PROXY: "http://platform:2", ALL_PROXY: "http://all:3" };
  const route = async (env: Record<string, string>, proxy?: string): Promise<string> =>
    shown(await findRoute({ target, proxy, env, usualPort }));
  expect(await route({ ...all, HOME }, "http://typed:9")).toBe("http://typed:9");
  expect(await route({ ...all, HOME })).toBe("http://127.0.0.1:4001");
  const home = emptyHome();
  expect(await route({ ...all, HOME: home })).toBe("socks5h://own:1");
  expect(await route({ ...all, TSMCP_PROXY: "", HOME: home })).toBe("http://platform:2");
  expect(await route({ ALL_PROXY: all.ALL_PROXY, HOME: home })).toBe("http://all:3");
  expect(await route({ HOME: home })).toBe("none");
  expect(await route({ ...all, HOME }, "none")).toBe("none");
});

test("a proxy of this user on the usual port is taken last", async () => {
  const server = createServer();
  cleanups.push(() => server.close());
  const usualPort = await listen(server);
  expect(ownerUidOfPort(usualPort)).toBe(process.getuid?.());
  const env = { HOME: emptyHome() };
  expect(shown(await findRoute({ target, proxy: undefined, env, usualPort }))).toBe(`http://127.0.0.1:${usualPort}`);
});

test.each(["127.0.0.1", "::1", "localhost", "127.9.9.9"])(
  "%s is this machine, so no proxy stands between",
  async (host) => {
    const env = { HOME: homeWithRecord(4001), ALL_PROXY: "http://all:3" };
    expect(shown(await findRoute({ target: { ...target, host }, proxy: undefined, env }))).toBe("none");
  },
);

test("a proxy that is misspelt is told by its variable", async () => {
  const env = { HOME: emptyHome(), TSMCP_PROXY: "ftp://x" };
  await expect(findRoute({ target, proxy: undefined, env })).rejects.toMatchObject({
    code: "usage-invalid",
    message: expect.stringContaining("TSMCP_PROXY"),
  });
});
