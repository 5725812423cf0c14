import { describe, expect, test } from "vitest";
import { type Holder, isNamedByRule, type RightsConfig, rightsOf, rightsOn } from "../../../src/gateway/rights.ts";

const capability = "example.com/cap/mcp";
const agent: Holder = {
  login: undefined,
  node: "agent.tail.ts.net",
  tags: ["tag:agent"],
  grants: [],
  standing: "member",
};
const alice: Holder = { ...agent, login: "alice@example.com", node: "laptop.tail.ts.net", tags: [] };

function may(
  holder: Holder,
  config: RightsConfig,
  [kind, name]: readonly ["tools" | "resources" | "prompts", string],
): boolean {
  return rightsOn(rightsOf(holder, config), "notes").may(kind, name);
}

test.each([
  ["one grant's object", [{ tools: ["search"] }], true],
  ["the second of two", [{ tools: ["x"] }, { tools: ["search"] }], true],
  ["a pattern", [{ tools: ["sea*"] }], true],
  ["another tool", [{ tools: ["searc"] }], false],
  ["nothing", [], false],
  ["an empty object", [{}], false],
  ["an upstream that fits", [{ tools: ["*"], upstreams: ["no*"] }], true],
  ["another upstream", [{ tools: ["*"], upstreams: ["wiki"] }], false],
  ["a tool here and everything elsewhere", [{ tools: ["x"] }, { tools: ["*"], upstreams: ["wiki"] }], false],
  ["no list", [{ tools: "*" }], false],
  ["a list of no texts", [{ tools: ["*", 1] }], false],
  ["a malformed field beside a good one", [{ tools: ["*"], resources: "*" }], false],
  ["an empty pattern", [{ tools: [""] }], false],
])("a grant with %s decides about a tool", (_what, grants, allowed) => {
  expect(may({ ...agent, grants }, { capability }, ["tools", "search"])).toBe(allowed);
});

describe("a rule", () => {
  test.each([
    ["a login", "alice@example.com", alice, true],
    ["a login in another case", "Alice@Example.com", alice, true],
    ["a tag", "tag:agent", agent, true],
    ["everybody", "*", agent, true],
    ["everybody", "*", alice, true],
    ["another login", "bob@example.com", alice, false],
    ["another tag", "tag:agents", agent, false],
    ["everybody, for a node shared in", "*", { ...alice, standing: "shared" }, false],
    ["the login of a node shared in", "alice@example.com", { ...alice, standing: "shared" }, true],
    ["a tag of a node shared in", "tag:agent", { ...agent, standing: "shared" }, false],
    ["everybody, for the node itself", "*", { ...alice, standing: "self" }, false],
    ["the owner, for the node itself", "alice@example.com", { ...alice, standing: "self" }, false],
    ["the node itself by its name", "laptop.tail.ts.net", { ...alice, standing: "self" }, true],
    ["the node itself by its tag", "tag:agent", { ...agent, standing: "self" }, true],
  ] as const)("for %s names whom it names", (_what, word, holder, named) => {
    const config: RightsConfig = { rules: [{ who: ["nobody@example.com", word], tools: ["*"] }] };
    expect(may(holder, config, ["tools", "search"])).toBe(named);
    expect(isNamedByRule(holder, config)).toBe(named);
  });

  test("gives only what it lists, and only where it lists it", () => {
    const config: RightsConfig = { rules: [{ who: ["*"], upstreams: ["notes"], prompts: ["p"] }] };
    const rights = rightsOf(agent, config);
    expect(rightsOn(rights, "notes").may("prompts", "p")).toBe(true);
    expect(rightsOn(rights, "notes").may("tools", "p")).toBe(false);
    expect(rightsOn(rights, "notes").some).toBe(true);
    expect(rightsOn(rights, "wiki").some).toBe(false);
  });
});

test.each([
  ["nothing configured", {}, true],
  ["an empty list of rules", { rules: [] }, false],
  ["a capability that nobody has", { capability }, false],
])("with %s, a member sees %#", (_what, config, allowed) => {
  expect(may(alice, config, ["tools", "search"])).toBe(allowed);
  expect(may({ ...alice, standing: "shared" }, config, ["tools", "search"])).toBe(false);
  expect(may({ ...alice, standing: "self" }, config, ["tools", "search"])).toBe(false);
});

test.each([
  ["file:///public/a.txt", true],
  ["file:///public/x/../a.txt", false],
  ["file:///public/../secret", false],
  ["file:///public/..;/secret", false],
  ["file:///public/%2e.;x=1/secret", false],
  ["file:///public/..%3b/secret", false],
  ["file:///public/a;..", true],
  ["file:///public/%2e%2e/secret", false],
  ["file:///public/%2E%2e%2fsecret", false],
  ["file:///public/..%2fsecret", false],
  ["file:///public/..%252fsecret", false],
  ["file:///public/..\\secret", false],
  ["file:///secret/../public/a", false],
  ["FILE:///public/a.txt", false],
  ["file:///public", false],
  ["file:///secret?x=/public/", false],
  ["public/a.txt", false],
  ["", false],
])("a right to file:///public/* decides about the resource %s", (uri, allowed) => {
  const config: RightsConfig = { rules: [{ who: ["*"], resources: ["file:///public/*"] }] };
  expect(may(alice, config, ["resources", uri])).toBe(allowed);
});

test.each([
  ["notes:a/../b", "notes:*", false],
  ["notes:a/b", "notes:*", true],
  ["no uri at all", "no uri at all", true],
  ["file:///{path}", "file:///*", true],
])("the resource %s fits the right %s: %s", (uri, pattern, allowed) => {
  expect(may(alice, { rules: [{ who: ["*"], resources: [pattern] }] }, ["resources", uri])).toBe(allowed);
});

test("a name that is longer than any real one fits nothing but everything", () => {
  const name = "a".repeat(100_000);
  expect(may(alice, { rules: [{ who: ["*"], tools: ["a*"] }] }, ["tools", name])).toBe(false);
  expect(may(alice, { rules: [{ who: ["*"], tools: ["*"] }] }, ["tools", name])).toBe(true);
});
