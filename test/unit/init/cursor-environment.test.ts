import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { cursorOutputs } from "../../../src/init/cursor.ts";
import { mergeSettings } from "../../../src/init/merge-settings.ts";

/**
 * Written after https://cursor.com/docs/cloud-agent/setup and what is told of the schema to which that leads,
 * https://cursor.com/schemas/environment.schema.json, which is not to be had here: as there, no other key is allowed.
 */
const text = { type: "string" };
const form = (properties: object, required: readonly string[] = []): object => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const documented = form({
  name: text,
  user: text,
  snapshot: text,
  image: text,
  agentCanUpdateSnapshot: { type: "boolean" },
  build: {
    ...form({ dockerfile: text, dockerfileContents: text, context: text }),
    anyOf: [{ required: ["dockerfile"] }, { required: ["dockerfileContents"] }],
  },
  install: text,
  start: text,
  terminals: { type: "array", items: form({ name: text, command: text, description: text }, ["command"]) },
  ports: {
    type: "array",
    items: form({ name: text, port: { type: "integer", minimum: 1, maximum: 65_535 } }, ["port"]),
  },
  repositoryDependencies: { type: "array", items: text },
  disableAllMcpServers: { type: "boolean" },
  mcpServerAllowlist: {
    type: "array",
    items: { anyOf: [form({ command: text }, ["command"]), form({ serverUrl: text }, ["serverUrl"])] },
  },
  egressAllowlist: { type: "array", items: text },
  egressMode: {
    enum: ["allow_all", "parent_plus_network_settings", "default_with_network_settings", "network_settings_only"],
  },
  chromeExecutablePath: text,
  enable_testing: { enum: [true, false, "true", "false"] },
});
const isEnvironment = new Ajv({ strictTypes: false, strictRequired: false }).compile(documented);

function environmentOver(before: string): unknown {
  const servers = [{ name: "notes", url: "https://n.t.ts.net:8443/mcp" }];
  const output = cursorOutputs({ workspace: "/w", servers }).find(
    (one) => one.kind === "settings" && one.path === ".cursor/environment.json",
  );
  if (output?.kind !== "settings") throw new Error("init cursor writes no environment.json");
  const merged = mergeSettings(before, output.settings, false);
  if (merged.status !== "ok") throw new Error(merged.status);
  return JSON.parse(merged.text);
}

describe("environment.json", () => {
  test.each([
    ["a new file", ""],
    ["a file with terminals", '{ "terminals": [{ "name": "web", "command": "npm run dev" }] }'],
    ["a file with rules", '{ "mcpServerAllowlist": [{ "command": "tsmcp" }], "egressMode": "allow_all" }'],
  ])("has the documented form in %s", (_what, before) => {
    const environment = environmentOver(before);
    expect([isEnvironment(environment), isEnvironment.errors]).toEqual([true, null]);
    expect(environment).toMatchObject({ start: expect.stringContaining("tsmcp up --server notes=") });
  });

  test.each([{ $schema: "x" }, { env: {} }, { start: ["tsmcp", "up"] }, { mcpServerAllowlist: ["notes"] }])(
    "has not with %j",
    (extra) => {
      expect(isEnvironment({ install: "x", ...extra })).toBe(false);
    },
  );
});
