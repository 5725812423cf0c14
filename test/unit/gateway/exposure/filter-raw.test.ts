import { expect, onTestFinished, test } from "vitest";
import type { RuleConfig } from "../../../../src/config/config.ts";
import { exposure } from "../../../../src/gateway/exposure/exposure.ts";
import { startWhois } from "../../../fakes/whois.ts";

const secretPath = "/0123456789abcdef0123";

interface Wire {
  onmessage?: ((message: unknown, extra?: unknown) => void) | undefined;
  send(message: unknown): Promise<void>;
}

/** A server that says nothing by itself, behind the filter; the test speaks for both ends. */
async function startRaw(rules: readonly RuleConfig[]) {
  const nodes = { "100.64.0.1": { StableID: "nAlice", login: "alice@example.com" } };
  const { socket, stop } = await startWhois(nodes);
  onTestFinished(stop);
  const tailnet = exposure({ socket, secretPath, name: "notes", rules });
  const request = new Request(`https://n${secretPath}/mcp`, { headers: { "x-forwarded-for": "100.64.0.1" } });
  const seen = await tailnet.see(request, "private");
  const told: unknown[] = [];
  const reached: unknown[] = [];
  const outer: Wire = { send: async (message) => void told.push(message) };
  let inner: Wire = outer;
  const server = {
    async connect(transport: Wire) {
      inner = transport;
      transport.onmessage = (message) => void reached.push(message);
    },
  };
  await seen.filter(server).connect(outer);
  return {
    told,
    reached,
    ask: (id: number, method: string, params?: object) =>
      outer.onmessage?.({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) }),
    note: (method: string, params: object) => outer.onmessage?.({ jsonrpc: "2.0", method, params }),
    answer: (id: number, result: object) => inner.send({ jsonrpc: "2.0", id, result }),
  };
}

const aliceMay = (right: Omit<RuleConfig, "who">): RuleConfig[] => [{ who: ["alice@example.com"], ...right }];
const list = { tools: [{ name: "open" }, { name: "hidden" }] };
const seenList = { jsonrpc: "2.0", id: 5, result: { tools: [{ name: "open" }] } };

test("a second request under an id that is in use is refused, so that no answer is read as another's", async () => {
  const { ask, answer, told, reached } = await startRaw(aliceMay({ tools: ["open"] }));
  ask(5, "tools/list");
  ask(5, "ping");
  await expect.poll(() => told).toEqual([{ jsonrpc: "2.0", id: 5, error: expect.objectContaining({ code: -32600 }) }]);
  await answer(5, list);
  expect(told[1]).toEqual(seenList);
  expect(reached).toHaveLength(1);
  ask(5, "ping");
  await expect.poll(() => reached.length).toBe(2);
});

test("an id that was cancelled stays taken until its answer has come, which goes nowhere", async () => {
  const { ask, note, answer, told, reached } = await startRaw(aliceMay({ tools: ["open"] }));
  ask(5, "tools/list");
  note("notifications/cancelled", { requestId: 5 });
  ask(5, "ping");
  await expect.poll(() => told.length).toBe(1);
  await answer(5, list);
  expect(told).toEqual([{ jsonrpc: "2.0", id: 5, error: expect.objectContaining({ code: -32600 }) }]);
  expect(reached).toMatchObject([{ method: "tools/list" }, { method: "notifications/cancelled" }]);
});

test("what is read has no contents but of what may be read", async () => {
  const { ask, answer, told, reached } = await startRaw(aliceMay({ resources: ["note:1"] }));
  ask(5, "resources/read", { uri: "note:1" });
  await expect.poll(() => reached.length).toBe(1);
  const contents = ["note:1", "note:2"].map((uri) => ({ uri, text: uri }));
  await answer(5, { contents });
  expect(told).toEqual([{ jsonrpc: "2.0", id: 5, result: { contents: contents.slice(0, 1) } }]);
});

test("an answer to nothing that was asked goes nowhere", async () => {
  const { answer, told } = await startRaw(aliceMay({ tools: ["open"] }));
  await answer(9, list);
  expect(told).toEqual([]);
});
