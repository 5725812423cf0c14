import { expect, test } from "vitest";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { agentAddress as from, openSession, rpc, startFront } from "./front.ts";

const labelsOf = (text: string): string[] =>
  text.split("\n").flatMap((line) => /^tsmcp_gateway_requests_total(\{.*\}) /.exec(line)?.[1] ?? []);

test("names that callers make up are no labels, however many there are", async () => {
  const front = await startFront({ upstreams: [fakeUpstream("notes", { "tools/call": { content: [] } })] });
  const session = await openSession(front, from);
  const metrics = async () => (await front.send("admin", { method: "GET", path: "/metrics" })).text;
  const before = (await metrics()).split("\n").length;
  const random = () => Math.random().toString(36);
  for (let round = 0; round < 50; round++) {
    await Promise.all([
      front.send("private", { from, session, body: rpc("tools/call", { name: random() }, round) }),
      front.send("private", { from, session, body: rpc(random(), {}, round) }),
      front.send("private", { from, path: `/mcp/${random()}`, body: rpc(random()) }),
      front.send("private", { from, method: "PATCH", path: `/${random()}` }),
      front.send("public", { path: `/${random()}`, body: rpc(random()) }),
    ]);
  }
  const text = await metrics();
  expect(labelsOf(text).sort()).toMatchInlineSnapshot(`
    [
      "{view="private",upstream="",outcome="refused"}",
      "{view="private",upstream="notes",outcome="error"}",
      "{view="private",upstream="notes",outcome="ok"}",
      "{view="public",upstream="",outcome="refused"}",
    ]
  `);
  expect(text.split("\n").length - before).toBeLessThan(80);
});
