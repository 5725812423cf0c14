import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../../src/core/log.ts";
import { createIdentities } from "../../../src/gateway/identities.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { startWhois } from "../../fakes/whois.ts";
import { agentAddress, aliceAddress, rpc, startFront, usualNodes } from "./front.ts";

const json = ["content-type", "application/json"] as const;

test.each([
  ["that tailscaled tells", "caller", aliceAddress, [["tailscale-user-login", "alice@example.com"]]],
  [
    "encoded as tailscaled does",
    "caller",
    "100.64.0.4",
    [["tailscale-user-login", "=?utf-8?q?zo=C3=AB@example.com?="]],
  ],
  ["that is another's", "stranger", aliceAddress, [["tailscale-user-login", "bob@example.com"]]],
  ["in another case", "stranger", aliceAddress, [["tailscale-user-login", "Alice@example.com"]]],
  ["that is empty", "stranger", aliceAddress, [["tailscale-user-login", ""]]],
  ["on a node with tags", "stranger", agentAddress, [["tailscale-user-login", "tagged-devices"]]],
  [
    "there twice",
    "stranger",
    aliceAddress,
    [
      ["tailscale-user-login", "alice@example.com"],
      ["Tailscale-User-Login", "alice@example.com"],
    ],
  ],
  ["beside a second address", "stranger", aliceAddress, [["x-forwarded-for", aliceAddress]]],
  ["beside a mark of Funnel", "stranger", aliceAddress, [["Tailscale-Funnel-Request", ""]]],
  [
    "beside rights that it claims itself",
    "stranger",
    "100.64.9.9",
    [["tailscale-app-capabilities", '{"example.com/cap/mcp":[{"tools":["*"]}]}']],
  ],
] as const)("a login %s: the request is from a %s", async (_what, who, from, headers) => {
  const nodes = { ...usualNodes(), "100.64.0.4": { StableID: "nZoe", login: "zoë@example.com" } };
  const front = await startFront({ upstreams: [fakeUpstream("notes", {})], nodes });
  const opened = await front.send("private", { from, headers: [json, ...headers], body: rpc("initialize", {}) });
  expect(opened.headers["mcp-session-id"] === undefined).toBe(who === "stranger");
  if (who === "stranger") expect(opened.json).toMatchObject({ result: { serverInfo: { name: "tsmcp-public" } } });
});

const rights = () => ({});
const never = (): AbortSignal => new AbortController().signal;

test("while tailscaled does not answer nobody is told from anybody, and each is refused alike", async () => {
  const front = await startFront({ upstreams: [fakeUpstream("notes", {})], socket: "/nowhere/tailscaled.sock" });
  for (const from of [agentAddress, aliceAddress, "100.64.9.9"]) {
    const { status, json: body } = await front.send("private", { from, body: rpc("tools/list") });
    expect({ status, body }).toMatchObject({ status: 503, body: { error: { message: "Invalid request" } } });
  }
  // What needs no question has its answer.
  expect((await front.send("private", { body: rpc("tools/list") })).json).toMatchObject({ result: { tools: [] } });
  expect((await front.send("public", { body: rpc("tools/list") })).status).toBe(200);
});

test("a question to tailscaled ends with the last who waits for it, and not before", async () => {
  const socket = join(temporaryDirectory(), "s");
  const held: { readonly url: string; readonly closed: Promise<unknown> }[] = [];
  const server = createServer((request, response) => {
    held.push({ url: request.url ?? "", closed: once(response, "close") });
  });
  server.listen(socket);
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const identities = createIdentities({ socket, rights, log: silentLog });
  const [first, second] = [new AbortController(), new AbortController()];
  const answers = [first, second].map((one) => identities.at(agentAddress, () => one.signal));
  const whois = () => held.filter(({ url }) => url.includes("whois"));
  await expect.poll(() => whois()).toHaveLength(1);
  let isClosed = false;
  void whois()[0]?.closed.then(() => {
    isClosed = true;
  });
  first.abort();
  // By the time that another question has arrived, the end of this one would have, too.
  const third = new AbortController();
  const other = identities.at(aliceAddress, () => third.signal);
  await expect.poll(() => whois()).toHaveLength(2);
  expect(isClosed).toBe(false);
  third.abort();
  expect(await other).toBe("unknown");
  second.abort();
  await expect.poll(() => isClosed).toBe(true);
  for (const answer of answers) expect(await answer).toBe("unknown");
});

test("what is known of an address is asked for once, until the rules change", async () => {
  const { socket, asked } = await startWhois(usualNodes());
  const identities = createIdentities({ socket, rights, log: silentLog });
  for (let count = 0; count < 3; count++) {
    expect(await identities.at(agentAddress, never)).toMatchObject({ key: "node nAgent", tags: ["tag:agent"] });
  }
  expect(asked).toEqual([agentAddress]);
  identities.forget();
  await identities.at(agentAddress, never);
  expect(asked).toEqual([agentAddress, agentAddress]);
});

test("a caller's rights behind a Tailscale Service are those of its grants to that Service", async () => {
  const capability = "example.com/cap/mcp";
  const grantOf = (tool: string) => ({ [capability]: [{ tools: [tool] }] });
  const { socket } = await startWhois({
    [agentAddress]: {
      StableID: "nAgent",
      login: "tagged-devices",
      tags: ["tag:agent"],
      caps: grantOf("of-the-node"),
      serviceCaps: { "svc:notes": grantOf("of-notes"), "svc:wiki": grantOf("of-wiki") },
    },
  });
  const granted = async (service: string | undefined): Promise<readonly unknown[]> => {
    const identities = createIdentities({ socket, service, rights: () => ({ capability }), log: silentLog });
    const caller = await identities.at(agentAddress, never);
    return typeof caller === "string"
      ? [caller]
      : toolNames.filter((name) => caller.rightsOn("any").may("tools", name));
  };
  expect(await granted("svc:notes")).toEqual(["of-notes"]);
  expect(await granted("svc:wiki")).toEqual(["of-wiki"]);
  expect(await granted("svc:none")).toEqual([]);
  expect(await granted(undefined)).toEqual(["of-the-node"]);
});

const toolNames = ["of-the-node", "of-notes", "of-wiki"];

test.each([
  "",
  "agent",
  "100.64.0.1:443",
  "100.64.0.1, 100.64.0.2",
  "127.0.0.1",
  "::1",
  "::ffff:127.0.0.1",
  "0x64400001",
])("%j is nobody's address, and nobody is asked", async (address) => {
  const { socket, asked } = await startWhois(usualNodes());
  expect(createIdentities({ socket, rights, log: silentLog }).at(address, never)).toBe("nobody");
  expect(asked).toEqual([]);
});
