import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { pastedDialects } from "../../../src/agents/pasted.ts";
import { agentDialects } from "../../../src/agents/registry.ts";

/**
 * Written from the documentation that each names, because no schema is published and no parser is to be had: strict, so that
 * a key that the documentation does not know is found. The agents that npm has read their files themselves (e2e).
 */
const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text };
const variables = { type: "object", additionalProperties: { type: "string" } };
const stdio = { command: text, args: texts, env: variables };
const form = (properties: object, required: readonly string[]): object => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

const documented: Readonly<Record<string, { source: string; command: object; url?: object }>> = {
  cursor: {
    source: "https://cursor.com/docs/context/mcp",
    command: form({ ...stdio, envFile: text }, ["command"]),
    url: form({ url: text, headers: variables }, ["url"]),
  },
  vscode: {
    source: "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
    command: form({ ...stdio, type: { const: "stdio" }, envFile: text, cwd: text, dev: {} }, ["type", "command"]),
    url: form({ type: { enum: ["http", "sse"] }, url: text, headers: variables }, ["type", "url"]),
  },
  zed: {
    source: "https://zed.dev/docs/ai/mcp",
    command: form({ ...stdio, timeout: { type: "integer" }, enabled: { type: "boolean" } }, ["command"]),
    url: form({ url: text, headers: variables, timeout: { type: "integer" } }, ["url"]),
  },
  copilot: {
    source: "https://docs.github.com/copilot/how-tos/use-copilot-agents/cloud-agent/extend-cloud-agent-with-mcp",
    command: form({ ...stdio, type: { enum: ["local", "stdio"] }, tools: texts }, ["type", "command", "args", "tools"]),
  },
  "claude-desktop": {
    source: "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
    command: form(stdio, ["command"]),
  },
  windsurf: {
    source: "https://docs.windsurf.com/windsurf/cascade/mcp",
    command: form({ ...stdio, disabled: { type: "boolean" }, disabledTools: texts }, ["command"]),
  },
  cline: {
    source: "https://docs.cline.bot/mcp/configuring-mcp-servers",
    command: form(
      {
        ...stdio,
        type: { const: "stdio" },
        alwaysAllow: texts,
        autoApprove: texts,
        disabled: { type: "boolean" },
        timeout: { type: "integer", minimum: 30, maximum: 3600 },
      },
      ["command"],
    ),
  },
};

const ajv = new Ajv();
const readByTheirOwn = ["claude", "codex", "copilot-cli", "gemini"];

test("every agent is read by its own parser or by a form of its documentation", () => {
  const names = [...agentDialects, ...pastedDialects].map(({ name }) => name);
  expect(names.toSorted()).toEqual([...Object.keys(documented), ...readByTheirOwn].toSorted());
});

test.each(Object.entries(documented))(
  "%s: the entry has the form that its documentation has",
  (name, { command, url }) => {
    const agent = agentDialects.find((one) => one.name === name);
    const dialect = agent ?? pastedDialects.find((one) => one.name === name);
    const entry = dialect?.commandEntry("tsmcp", ["bridge", "https://n.t.ts.net:8443/mcp"]);
    expect([ajv.validate(command, entry), ajv.errors]).toEqual([true, null]);
    expect(ajv.validate(command, { ...entry, surprise: 1 })).toBe(false);
    expect(agent === undefined).toBe(url === undefined);
    if (agent === undefined || url === undefined) return;
    expect([ajv.validate(url, agent.urlEntry("https://n.t.ts.net:8443/mcp")), ajv.errors]).toEqual([true, null]);
  },
);
