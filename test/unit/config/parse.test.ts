import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import { fc } from "../../fakes/drawn.ts";

function defects(text: string, trusted = true): string[] {
  const result = parseConfig(text, { trusted });
  return result.status === "ok" ? [] : result.defects.map(({ place, path, message }) => `${place} ${path}: ${message}`);
}

describe("parseConfig", () => {
  test("takes comments and trailing commas when the rest is right", () => {
    const result = parseConfig(
      '{\n  // where\n  "servers": { "notes": { "tailnetUrl": "https://n.t.ts.net", } }, /* end */\n}',
      {
        trusted: false,
      },
    );
    expect(result.status === "ok" ? result.config : result).toEqual({
      servers: { notes: { tailnetUrl: "https://n.t.ts.net" } },
    });
  });

  test("takes the whole example of the contract when it is trusted", () => {
    expect(defects(wholeConfig)).toEqual([]);
  });

  test("refuses a repository's thousand servers in one line, and no other defect of theirs", () => {
    const names = Array.from({ length: 1_000 }, (_, index) => [`s${index}`, { tailnetUrl: "https://n.t.ts.net" }]);
    const text = JSON.stringify({ servers: Object.fromEntries(names) });
    expect(defects(text, false)).toEqual(["1:2 servers: expected at most 100 servers, found 1000"]);
  });

  test("tells every defect at once, with its place and what was expected, when there are several", () => {
    const text = `{
  "servers": {
    "no tes": { "tailnetUrl": "https://h.ts.net" },
    "notes": { "tailnetUr": "https://h.ts.net", "expect": { "minTools": "3" } },
    "__proto__": { "tailnetUrl": "http://h.ts.net/mcp" },
    "shut": { "publicUrl": null },
    "shut": 5
  },
  "agents": "cursor",
  "tailscal": {},
  "proxy": { "exports": "all" },
  "gateway": { "upstreams": { "x.y": { "command": "a", "url": "b" } }, "rules": [{ "tools": [4] }] }
}`;
    expect(defects(text)).toMatchInlineSnapshot(`
      [
        "3:5 servers.no tes: not a name that is allowed here",
        "4:5 servers.notes: expected tailnetUrl, publicUrl or both",
        "4:16 servers.notes.tailnetUr: unknown key (did you mean "tailnetUrl"?)",
        "4:61 servers.notes.expect.minTools: expected integer",
        "5:5 servers.__proto__: not a name that is allowed here",
        "5:20 servers.__proto__.tailnetUrl: expected https, or http to this machine",
        "6:5 servers.shut: expected object",
        "6:5 servers.shut: expected tailnetUrl, publicUrl or both",
        "7:5 : the key "shut" stands twice",
        "9:3 agents: expected array",
        "10:3 tailscal: unknown key (did you mean "tailscale"?)",
        "11:14 proxy.exports: expected one of "profile", "github", "github-all", "none"",
        "12:31 gateway.upstreams.x.y: expected exactly one of command, url and builtin",
        "12:56 gateway.upstreams.x.y.url: expected text that matches ^https?://",
        "12:82 gateway.rules.0: the key "who" is missing",
        "12:94 gateway.rules.0.tools.0: expected string",
      ]
    `);
  });

  test.each([
    ["", "1:1 : the file is empty"],
    ["[]", "1:1 : expected object"],
    ["nul", "1:1 : expected a value"],
    ['{\n  "agents": [,]\n}', "2:14 : expected a value"],
    ['{\n  "agents": ["cursor"]', "2:23 : expected a closing brace"],
    ["[".repeat(100_000), "1:101 : nested deeper than 100 levels"],
  ])("tells the place when the text is %.20j", (text, expected) => {
    expect(defects(text)[0]).toBe(expected);
  });

  test.each([
    ['{"tailscale": {"loginServer": "https://x.example"}}', "1:16 tailscale.loginServer"],
    ['{"gateway": {}}', "1:2 gateway"],
    ['{"proxy": {"exports": "profile"}}', "1:2 proxy"],
    ['{"tailscale": {"hostname": "a", "acceptRoutes": true}}', "1:33 tailscale.acceptRoutes"],
  ])("refuses %s when the file comes with a repository", (text, place) => {
    expect(defects(text, true)).toEqual([]);
    expect(parseConfig(text, { trusted: false })).toMatchObject({ status: "invalid", untrusted: true });
    expect(defects(text, false)).toEqual([`${place}: a file that comes with a repository may not set this`]);
  });

  test("takes servers, agents and the host name when the file comes with a repository", () => {
    const text =
      '{"$schema": "x", "servers": {"a": {"tailnetUrl": "https://a.b"}}, "agents": ["cursor"], "tailscale": {"hostname": "a"}}';
    expect(defects(text, false)).toEqual([]);
  });

  test("never throws when the text is anything at all", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseConfig(text, { trusted: true })));
    fc.assert(fc.property(fc.json(), (text) => void parseConfig(text, { trusted: false })));
  });
});

const wholeConfig = `{
  "servers": { "notes": { "tailnetUrl": "https://node.tailnet.ts.net:8443/mcp/notes", "publicUrl": "https://node.tailnet.ts.net/mcp/notes",
                          "expect": { "tools": ["search", "read_*"], "minTools": 1, "publicTools": [] }, "probe": { "tool": "search", "arguments": { "q": "x" } } } },
  "agents": ["cursor"],
  "tailscale": { "hostname": "cursor-cloud-vm", "advertiseTags": ["tag:agent"], "acceptRoutes": true, "loginServer": "https://c.example", "version": "1.102.5" },
  "proxy": { "listen": "127.0.0.1:1055", "exports": "profile" }, // profile | github | none
  "gateway": { "listen": { "private": "unix:/a", "public": "unix:/b", "admin": "unix:/c" },
               "upstreams": { "notes": { "command": "npx", "args": ["-y", "x"], "env": {}, "isolation": "shared" },
                              "wiki": { "url": "http://127.0.0.1:9000/mcp", "tokenEnv": "WIKI_TOKEN", "identity": "headers", "enabled": true }, "whoami": { "builtin": "whoami" } },
               "capability": "example.com/cap/mcp", "allowedOrigins": [], "publicTools": [], "sealingKey": "file:/k",
               "rules": [ { "who": ["alice@example.com", "tag:agent"], "upstreams": ["*"], "tools": ["*"], "resources": ["*"], "prompts": ["*"] } ] }
}`;
