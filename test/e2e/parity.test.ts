import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { isThereSince } from "../parity/compared-version.ts";
import { foregroundSteps, walkForeground } from "../parity/foreground.ts";
import { exchange, proxyCases } from "../parity/proxies.ts";
import { type RequestCase, requestCases } from "../parity/requests.ts";
import { serverCommands } from "../parity/server-commands.ts";
import { approvals, transitions, walk } from "../parity/transitions.ts";
import {
  capability,
  type ParityWorld,
  type RawBackend,
  startRawBackend,
  startRealWorld,
  startSandboxWorld,
} from "../parity/world.ts";

let real: ParityWorld;
let sandbox: ParityWorld;
let backend: RawBackend;
let unixBackend: RawBackend;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(temporaryBase(), "parity-"));
  const path = join(directory, "backend.sock");
  [real, sandbox, backend, unixBackend] = await Promise.all([
    startRealWorld(),
    startSandboxWorld(),
    startRawBackend(),
    startRawBackend({ path }),
  ]);
  const target = `http://127.0.0.1:${backend.port}`;
  for (const world of [real, sandbox]) {
    await world.serve({ port: 8443, target });
    await world.serve({ port: 8443, target, path: "/mcp", acceptAppCaps: isThereSince("1.92") ? [capability] : [] });
    await world.funnel({ port: 443, target: `${target}/public` });
    await world.funnel({ port: 10000, target, path: "/mcp" });
    if (isThereSince("1.94")) await world.serve({ port: 9443, target: `unix:${path}` });
    await world.serve({ port: 9444, target: "http://127.0.0.1:1" });
    await world.serve({ port: 9445, target, path: "/deep/" });
  }
});

afterAll(async () => {
  for (const part of [real, sandbox, backend, unixBackend]) await part?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

describe("a request through the sandbox", () => {
  it.each(requestCases)("arrives and is answered as on the real tailnet when $title", async (request) => {
    const [theirs, ours] = await Promise.all([seen(real, request), seen(sandbox, request)]);
    expect(ours).toEqual(theirs);
  });
});

describe("a caller's proxy in the sandbox", () => {
  it.each(proxyCases)("answers as tailscaled's when $title", async ({ caller = "user", bytes }) => {
    const [theirs, ours] = await Promise.all(
      [real, sandbox].map(async (world) => {
        const answer = await exchange(world.proxyPort(caller), bytes(world.host));
        return world.normalised(answer);
      }),
    );
    expect(ours).toBe(theirs);
  });
});

/** What curl says, without what differs at any two times: the date, and the order of an answer's headers. */
async function seen(world: ParityWorld, { caller, url, args = [] }: RequestCase): Promise<unknown> {
  const { exitCode, stdout } = await world.curl(caller, [...args, `https://${world.host}${url}`]);
  const text = world.normalised(stdout);
  const end = text.indexOf("\r\n\r\n");
  const [status, ...headers] = (end === -1 ? text : text.slice(0, end)).split("\r\n");
  const kept = headers
    .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))
    .filter((line) => !line.startsWith("date:"));
  // The body holds names and addresses, so its length says nothing.
  const plain = kept.map((line) => line.replace(/^content-length: \d+$/, "content-length: N"));
  return { exitCode, status, headers: plain.sort(), body: end === -1 ? "" : text.slice(end + 4) };
}

describe("a node's life in the sandbox", () => {
  let theirs: ReadonlyMap<string, unknown>;
  let ours: ReadonlyMap<string, unknown>;

  beforeAll(async () => {
    const lives = [real, sandbox].map(async (world) => {
      const [first, second] = await Promise.all([world.startDaemon("bare"), world.startDaemon("other")]);
      const seen = new Map([...(await walk(world, first, transitions)), ...(await walk(world, second, approvals))]);
      await Promise.all([first.close(), second.close()]);
      return seen;
    });
    [theirs = new Map(), ours = new Map()] = await Promise.all(lives);
  });

  it.each([...transitions, ...approvals])("is what it is on the real tailnet after $title", ({ title }) => {
    expect(theirs.get(title)).toBeDefined();
    expect(ours.get(title)).toEqual(theirs.get(title));
  });
});

// Last, because it changes what is served.
describe("the server's tailscale in the sandbox", () => {
  it.each(serverCommands.map((command, index) => ({ ...command, title: `${index + 1}. ${command.title}` })))(
    "says what the real one says when it is asked $title",
    async ({ ask }) => {
      const [theirs, ours] = await Promise.all([ask(real), ask(sandbox)]);
      expect(ours).toEqual(theirs);
    },
  );
});

describe("tailscale serve in the foreground of the sandbox", () => {
  let theirs: readonly unknown[];
  let ours: readonly unknown[];

  beforeAll(async () => {
    [theirs = [], ours = []] = await Promise.all([real, sandbox].map(walkForeground));
  });

  it.each(foregroundSteps.map(({ title }, index) => ({ title: `${index + 1}. ${title}`, index })))(
    "is what the real one is after $title",
    ({ index }) => {
      expect(theirs[index]).toBeDefined();
      expect(ours[index]).toEqual(theirs[index]);
    },
  );
});
