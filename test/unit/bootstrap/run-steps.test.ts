import { expect, test } from "vitest";
import type { Attempt } from "../../../src/bootstrap/attempt.ts";
import type { NodeFacts, UpFacts } from "../../../src/bootstrap/facts.ts";
import { layoutOf } from "../../../src/bootstrap/layout.ts";
import { runSteps } from "../../../src/bootstrap/run-steps.ts";
import { act, done, keep, type Step, type StepReport } from "../../../src/bootstrap/steps.ts";
import { createUndoList } from "../../../src/bootstrap/undo.ts";
import { serverFromUrl } from "../../../src/config/server.ts";
import { silentLog } from "../../../src/core/log.ts";
import { plainRequest } from "./plain-request.ts";

const node: NodeFacts = {
  status: {
    version: "1",
    backendState: "Running",
    authUrl: "",
    health: [],
    magicDnsSuffix: "t.ts.net",
    usesTun: false,
    self: undefined,
  },
  preferences: {
    loginServer: "https://controlplane.tailscale.com",
    hostname: "",
    advertiseTags: [],
    acceptRoutes: false,
    shieldsUp: true,
    wantRunning: true,
  },
};

const before: UpFacts = {
  programs: { kind: "missing", names: [], refused: [] },
  record: undefined,
  daemon: { kind: "none" },
  node: undefined,
  proxy: undefined,
  agentPlan: undefined,
  files: [],
};

function attemptFor(url: string): Attempt {
  const env = { HOME: "/nonexistent" };
  return {
    request: {
      ...plainRequest,
      servers: [{ ...serverFromUrl(url, "URL", "notes"), origin: "/repo/tsmcp.config.json:1:1", trusted: false }],
    },
    world: {
      env,
      log: silentLog,
      signal: new AbortController().signal,
      verify: async () => ({ verdict: "pass", detail: "" }),
    },
    layout: layoutOf("/nonexistent", { kind: "boot" }, { env }),
    socket: "/nonexistent/s",
    undo: createUndoList(),
    environment: async () => ({}),
    remainingMs: () => 1_000,
    hasChanged: () => false,
  };
}

async function run(url: string, login: Pick<Step, "decide" | "apply">) {
  const reports: StepReport[] = [];
  const steps: readonly Step[] = [
    // The node may be Running as soon as the daemon is: it kept its login.
    { id: "daemon", decide: () => act(""), apply: async (facts) => done({ ...facts, node }, "") },
    { id: "login", ...login },
    { id: "agent-config", decide: () => act(""), apply: async (facts) => done(facts, "") },
  ];
  const outcome = await runSteps(before, attemptFor(url), (one) => reports.push(one), steps).then(
    () => "ended",
    (error: { code: string }) => error.code,
  );
  return { outcome, reports: reports.map(({ id, status }) => `${id}: ${status}`) };
}

const kept = { decide: () => keep(""), apply: async (facts: UpFacts) => done(facts, "") };

test.each([
  ["kept", kept],
  ["done", { ...kept, decide: () => act("") }],
])("runSteps writes nothing for a server of another tailnet when the login was %s", async (_title, login) => {
  expect(await run("https://evil.example.com:8443/mcp", login)).toEqual({
    outcome: "server-foreign",
    reports: ["daemon: done", "login: failed"],
  });
});

test("runSteps goes on for a server of the node's own tailnet", async () => {
  expect(await run("https://n.t.ts.net:8443/mcp", kept)).toEqual({
    outcome: "ended",
    reports: ["daemon: done", "login: kept", "agent-config: done"],
  });
});
