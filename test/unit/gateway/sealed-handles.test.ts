import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/mcp/json.ts";
import { type FakeUpstream, fakeUpstream } from "../../fakes/upstream.ts";
import { type Answer, agentAddress, aliceAddress, type Front, rpc, startFront } from "./front.ts";

/** What callers of the modern era keep for a server, each where it comes from and where it goes back to. */
const handles = {
  state: { from: ["tools/call", "prompts/get", "resources/read"], to: ["tools/call", "prompts/get", "resources/read"] },
  cursor: {
    from: ["tools/list", "prompts/list", "resources/list", "resources/templates/list"],
    to: ["tools/list", "prompts/list", "resources/list", "resources/templates/list"],
  },
  task: { from: ["tools/call"], to: ["tasks/get", "tasks/update", "tasks/cancel"] },
} as const;
type Handle = keyof typeof handles;

const fields = {
  state: { result: "requestState", param: "requestState" },
  cursor: { result: "nextCursor", param: "cursor" },
  task: { result: "taskId", param: "taskId" },
} as const;

const named: Readonly<Record<string, JsonObject>> = {
  "tools/call": { name: "x" },
  "prompts/get": { name: "x" },
  "resources/read": { uri: "x://x" },
};

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

const given = { tools: [], prompts: [], resources: [], resourceTemplates: [], content: [], contents: [], messages: [] };
const answer = { resultType: "complete", ...given, requestState: "raw", nextCursor: "raw", taskId: "raw" };
const methods = new Set([...Object.values(handles).flatMap(({ from, to }) => [...from, ...to])]);
const answers = Object.fromEntries([...methods].map((method) => [method, answer]));

async function start(): Promise<{ front: Front; notes: FakeUpstream; wiki: FakeUpstream }> {
  const [notes, wiki] = [fakeUpstream("notes", answers), fakeUpstream("wiki", answers)];
  const all = { tools: ["*"], resources: ["*"], prompts: ["*"] };
  const rules = { rules: [{ who: ["tag:agent", "alice@example.com"], ...all }] };
  return { front: await startFront({ upstreams: [notes, wiki], rules }), notes, wiki };
}

function ask(
  front: Front,
  method: string,
  { params, from = agentAddress, path = "/mcp/notes", side = "private" }: Asking,
): Promise<Answer> {
  const all = { ...named[method], ...params, _meta: meta };
  const name = Object.entries(all).find(([key]) => key === "name" || key === "uri" || key === "taskId")?.[1];
  const headers = [
    ["content-type", "application/json"],
    ["accept", "application/json, text/event-stream"],
    ["mcp-protocol-version", "2026-07-28"],
    ["mcp-method", method],
    ...(typeof name === "string" ? [["mcp-name", name] as const] : []),
  ] as const;
  return front.send(side, { from, path, headers, body: rpc(method, all) });
}

interface Asking {
  readonly params: JsonObject;
  readonly from?: string;
  readonly path?: string;
  readonly side?: "private" | "public";
}

const journeys = (Object.keys(handles) as Handle[]).flatMap((handle) =>
  handles[handle].from.flatMap((from) => handles[handle].to.map((to) => ({ handle, from, to }))),
);

test.each(journeys)("a $handle of $from goes back to $to for its caller alone", async ({ handle, from, to }) => {
  const { front, notes, wiki } = await start();
  const { result, param } = fields[handle];
  const told = (await ask(front, from, { params: {} })).json as { result: Record<string, string> };
  const sealed = told.result[result] ?? "";
  expect(sealed).toMatch(/^[A-Za-z0-9_-]{40,}$/);
  expect((await ask(front, to, { params: { [param]: sealed } })).status).toBe(200);
  expect(notes.reached.at(-1)?.message).toMatchObject({ method: to, params: { [param]: "raw" } });

  const before = [notes.reached.length, wiki.reached.length];
  const other = Object.values(fields).find((field) => field.result !== result)?.result ?? "";
  const changed = `${sealed.slice(0, -2)}${sealed.at(-2) === "A" ? "B" : "A"}${sealed.at(-1)}`;
  const wrong: readonly Asking[] = [
    { params: { [param]: sealed }, from: aliceAddress },
    { params: { [param]: sealed }, path: "/mcp/wiki" },
    { params: { [param]: told.result[other] } },
    { params: { [param]: changed } },
    { params: { [param]: "raw" } },
    { params: { [param]: "" } },
    { params: { [param]: [sealed] } },
  ];
  for (const asking of wrong) {
    const { json } = await ask(front, to, asking);
    expect(json, JSON.stringify(asking)).toMatchObject({ error: { code: expect.any(Number) } });
  }
  // On the other view it is what any text is there.
  const [outside, any] = await Promise.all(
    [sealed, "any"].map((text) => ask(front, to, { params: { [param]: text }, side: "public" })),
  );
  expect(outside?.text).toBe(any?.text);
  expect([notes.reached.length, wiki.reached.length]).toEqual(before);
});
