import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../fakes/listening.ts";
import { startTailscaled } from "../fakes/tailscaled.ts";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { type LoneGateway, startLoneGateway } from "./gateway-alone.ts";

/**
 * The server scenarios of the official suite, against a server on the official SDK of that revision's era, without the gateway
 * and with it: over HTTP, and over stdio with a child for each session or caller. What stands before the gateway says who
 * calls and keeps Host.
 */
const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const suite = at("node_modules/@modelcontextprotocol/conformance/dist/index.js");
const node22 = at("test/nodes/node_modules/node-22/bin/node");

let directory: string;
const open: AsyncDisposable[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(temporaryBase(), "tsmcp-conformance-"));
});

afterAll(async () => {
  for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const revisions = [
  { revision: "2025-11-25", peer: "conformance-server.ts", least: 70, fails: /^$/, better: /^$/ },
  {
    revision: "2026-07-28",
    peer: "conformance-server-modern.ts",
    least: 120,
    // Tasks have no server side in the official SDK; the suite does not score these.
    fails: /^tasks-/,
    // The official SDK's server leaves the headers that mirror arguments unread, and the gateway does not.
    better: /^http-custom-header-server-validation /,
  },
];

describe.skipIf(!existsSync(node22))("the conformance suite's server scenarios", () => {
  it.each(revisions)(
    "of $revision end as they end without the gateway, before HTTP and before stdio",
    async ({ revision, peer, least, fails, better }) => {
      const fixture = await bundle(peer);
      const port = await startFixture(fixture);
      const own = join(directory, revision);
      mkdirSync(own);
      const daemon = await startTailscaled(own);
      open.push(daemon);
      const gateway = await startLoneGateway({
        directory: own,
        socket: daemon.socket,
        upstreams: {
          http: { url: `http://127.0.0.1:${port}/mcp` },
          stdio: { command: process.execPath, args: [fixture, "stdio"], isolation: "session" },
        },
      });
      open.push(gateway);
      const front = await startFront(gateway);
      const judged = (url: string, name: string) => judge(url, { revision, output: join(own, name) });
      const direct = await judged(`http://127.0.0.1:${port}/mcp`, "direct");
      expect(direct.filter((line) => line.includes("SUCCESS")).length).toBeGreaterThan(least);
      const faults = direct.filter(isFault);
      expect(faults.filter((line) => !fails.test(line) && !better.test(line))).toEqual([]);
      for (const known of [fails, better].filter(({ source }) => source !== "^$")) {
        expect(faults.filter((line) => known.test(line))).not.toEqual([]);
      }
      const isAlike = (line: string): boolean => !isOfStreams(line) && !better.test(line) && !fails.test(line);
      for (const name of ["http", "stdio"]) {
        const through = await judged(`http://127.0.0.1:${front}/mcp/${name}`, name);
        expect(through.filter((line) => isFault(line) && !isAlike(line) && !fails.test(line))).toEqual([]);
        expect(through.filter(isAlike)).toEqual(direct.filter(isAlike));
      }
    },
    240_000,
  );
});

function isFault(line: string): boolean {
  return /FAILURE|WARNING/.test(line);
}

/** Bundled once, because the transpiler would take longer to start than the server, at every session. */
async function bundle(peer: string): Promise<string> {
  const file = join(directory, `${peer}.mjs`);
  const rolldown = at("node_modules/rolldown/bin/cli.mjs");
  const args = [rolldown, at(`test/peers/${peer}`), "--platform", "node", "--no-codeSplitting", "--file", file];
  await promisify(execFile)(process.execPath, args, { cwd: at(".") });
  return file;
}

/**
 * Whether an answer is a stream, and when that breaks off to be taken up again, is each server's own choice: the gateway
 * answers in plain JSON where there is nothing to say before, and takes up what broke off behind it by itself.
 */
function isOfStreams(line: string): boolean {
  return line.startsWith("server-sse-");
}

async function startFixture(fixture: string): Promise<number> {
  const child = spawn(process.execPath, [fixture, "http"], { cwd: at("."), stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  open.push({
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  });
  const [line] = await once(child.stdout, "data");
  return Number(String(line));
}

/** As tailscale serve stands there, as far as the gateway looks at it. */
async function startFront(gateway: LoneGateway): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, "x-forwarded-for": "100.64.0.7", "x-forwarded-host": incoming.headers.host };
    const { method, url = "" } = incoming;
    const onward = request({
      host: "127.0.0.1",
      port: gateway.port,
      method,
      path: `${gateway.prefix}${url}`,
      headers,
      setHost: false,
    });
    onward.on("error", () => outgoing.destroy());
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      pipeline(answer, outgoing, () => {});
    });
    outgoing.on("close", () => onward.destroy());
    pipeline(incoming, onward, () => {});
  });
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  });
  return listen(server);
}

/** Returns every check of every scenario and how it ended. */
async function judge(
  url: string,
  { revision, output }: { readonly revision: string; readonly output: string },
): Promise<string[]> {
  const args = [suite, "server", "--url", url, "--requirements", revision, "--output-dir", output];
  await new Promise<void>((resolve) => {
    const env = { PATH: process.env.PATH, HOME: directory };
    execFile(node22, args, { cwd: directory, env, timeout: 120_000 }, () => resolve());
  });
  return readdirSync(output, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith("checks.json"))
    .flatMap((file) => {
      const scenario = file.replace(/^server-(.*)-\d{4}-\d\d-\d\dT.*$/, "$1");
      const checks: { id: string; status: string }[] = JSON.parse(readFileSync(join(output, file), "utf8"));
      return checks.map(({ id, status }) => `${scenario} ${id} ${status}`);
    })
    .toSorted();
}
