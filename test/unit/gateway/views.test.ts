import { describe, expect, test } from "vitest";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { ownAddress } from "../../fakes/whois.ts";
import { agentAddress, aliceAddress, initialize, openSession, rpc, startFront, strangerAddress } from "./front.ts";

const tools = {
  tools: ["search", "read_note", "write_note"].map((name) => ({ name, inputSchema: { type: "object" } })),
};

function notes() {
  return fakeUpstream("notes", { "tools/list": tools, "tools/call": { content: [{ type: "text", text: "done" }] } });
}

describe("with nothing configured", () => {
  test.each([
    ["a tagged agent", agentAddress],
    ["a person", aliceAddress],
  ])("%s opens a session, lists and calls", async (_who, from) => {
    const upstream = notes();
    const front = await startFront({ upstreams: [upstream] });
    const session = await openSession(front, from);
    const listed = await front.send("private", { from, session, body: rpc("tools/list") });
    expect(listed.json).toEqual({ jsonrpc: "2.0", id: 1, result: tools });
    const called = await front.send("private", { from, session, body: rpc("tools/call", { name: "search" }) });
    expect(called.json).toEqual({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } });
    expect(upstream.reached.map(({ what }) => what)).toEqual(["open", "request", "request"]);
  });

  test.each([
    ["nobody", undefined],
    ["a node shared in from elsewhere", strangerAddress],
    ["the node itself", ownAddress],
    ["an address of nobody", "100.64.9.9"],
    ["a public address", "198.51.100.7"],
    ["loopback", "127.0.0.1"],
    ["two addresses", `${agentAddress}, ${aliceAddress}`],
  ])("%s gets the public view on the private listener", async (_who, from) => {
    const upstream = notes();
    const front = await startFront({ upstreams: [upstream] });
    const asked = from === undefined ? {} : { from };
    const opened = await front.send("private", { ...asked, body: initialize });
    const publicly = await front.send("public", { body: initialize });
    expect(opened.json).toEqual(publicly.json);
    expect(opened.headers["mcp-session-id"]).toBeUndefined();
    const listed = await front.send("private", { ...asked, body: rpc("tools/list") });
    expect(listed.json).toEqual({ jsonrpc: "2.0", id: 1, result: { tools: [] } });
    expect(upstream.reached).toEqual([]);
  });
});
