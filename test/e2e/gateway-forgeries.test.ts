import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copiedRecipe, isServe } from "../peers/gates/flawed.ts";
import { commonHeaderGates } from "../peers/gates/flawed-headers.ts";
import { type GateServer, startGate } from "../peers/gates/mcp-server.ts";
import { rawVisitor } from "../peers/raw-visitor.ts";
import { type Forgery, requestGenerator } from "../peers/request-generator.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { expose, sightOf, startGateway } from "./gateway-process.ts";

/**
 * One generator of forged requests, through real Funnel, at two kinds of servers. What it gets out of the gateway counts
 * only because it gets into every gate that can be forged.
 */
let tailnet: Tailnet;
let server: TailnetNode;
let agent: TailnetNode;

beforeAll(async () => {
  tailnet = await startTailnet();
  [server, agent] = await Promise.all([
    tailnet.startNode({ hostname: "server", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
});

afterAll(async () => {
  await tailnet?.close();
});

const lanes = 8;

/** Sends `count` requests and returns the first answer that shows a tool, and how many were sent until then. */
async function attack(
  forgery: Omit<Forgery, "host">,
  count: number,
): Promise<{ readonly sent: number; readonly answered: number; readonly found: string | undefined }> {
  const [address = "", port = ""] = tailnet.publicAddress(443).split(":");
  const target = { host: server.dnsName, address, port: Number(port), ca: readFileSync(tailnet.caFile) };
  const next = requestGenerator({ host: server.dnsName, ...forgery });
  let sent = 0;
  let answered = 0;
  let found: string | undefined;
  const lane = async (): Promise<void> => {
    const visitor = rawVisitor(target);
    try {
      while (sent < count && found === undefined) {
        sent += 1;
        const request = next();
        const text = await visitor.send(request);
        if (text.startsWith("HTTP/1.1 ")) answered += 1;
        if (forgery.tools.some((tool) => text.includes(`"${tool}"`)))
          found ??= `${request.bytes.toString("latin1").slice(0, 2_000)}\n\n${text}`;
      }
    } finally {
      visitor.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { sent, answered, found };
}

test.each([
  ["two listeners", {}],
  ["one listener", { single: "127.0.0.1:0" }],
] as const)(
  "5,000 forged requests get no tool out of the gateway with %s, and reach no server behind it",
  async (_kind, listen) => {
    await using notes = await startGate({ gate: () => true, flavour: "sessions" });
    const gateway = { listen, upstreams: { notes: { url: `http://127.0.0.1:${notes.port}/mcp` } } };
    await using started = await startGateway(tailnet, server, { home: tailnet.tempDir(), gateway });
    await expose(server, started.json);
    const inside = await sightOf(tailnet, { url: `https://${server.dnsName}:8443/mcp/notes`, from: agent });
    expect(inside.tools).toEqual(notes.tools);
    const sessions = [inside.session ?? ""];
    const paths = ["/mcp/notes", "/mcp"];
    const { sent, answered, found } = await attack({ paths, sessions, tools: notes.tools, seed: 1 }, 5_000);
    expect(found).toBeUndefined();
    expect(sent).toBe(5_000);
    expect(answered).toBeGreaterThan(4_500);
    expect(notes.calls).toEqual([]);
  },
  300_000,
);

async function exposeOnce(gate: GateServer): Promise<void> {
  await server.serve({ port: 8443, target: `http://127.0.0.1:${gate.port}` });
  await server.funnel({ port: 443, target: `http://127.0.0.1:${gate.port}` });
}

describe("the same generator", () => {
  // The tailnet's suffix is random; the gates want the name when they are made.
  test("gets into every gate that can be forged", async () => {
    const place = { publicName: server.dnsName, serverAddress: server.ip };
    for (const { name, gateAt } of commonHeaderGates) {
      await using flawed = await startGate({ gate: gateAt(place) });
      await exposeOnce(flawed);
      const { found } = await attack({ paths: ["/mcp"], sessions: ["none"], tools: flawed.tools, seed: 1 }, 5_000);
      expect(found, name).toBeDefined();
    }
  }, 300_000);

  test("uses a session that was opened inside, where that is enough", async () => {
    await using flawed = await startGate({
      gate: (request) => copiedRecipe(request) && request.headers["tailscale-funnel-request"] === undefined,
      flavour: "sessions",
    });
    await exposeOnce(flawed);
    const { session = "" } = await sightOf(tailnet, { url: `https://${server.dnsName}:8443/mcp`, from: agent });
    const { found } = await attack({ paths: ["/mcp"], sessions: [session], tools: flawed.tools, seed: 1 }, 5_000);
    expect(found).toBeDefined();
  }, 300_000);

  test("does not get into a gate that is sound", async () => {
    await using gate = await startGate({ gate: (request) => request.rawHeaders.length / 2 < 900 && isServe(request) });
    await exposeOnce(gate);
    const { found } = await attack({ paths: ["/mcp"], sessions: ["none"], tools: gate.tools, seed: 1 }, 1_000);
    expect(found).toBeUndefined();
  }, 300_000);
});
