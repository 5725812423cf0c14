import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import type { Grant } from "../tailnet/harness/knobs.ts";
import { startTailnet } from "../tailnet/harness/tailnet.ts";
import { visit } from "../tailnet/harness/visit.ts";
import { expose, sightOf, startGateway } from "./gateway-process.ts";
import { type Outcome, tsmcp } from "./tsmcp.ts";

function initPolicy(platform: string | undefined, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const home = temporaryDirectory();
  const place = { workspace: home, env: { HOME: home, PATH: "/usr/bin:/bin", ...env } };
  return tsmcp(["init", "policy", ...(platform === undefined ? [] : ["--for", platform]), "--json"], place);
}

test("init policy tells the trust in a repository's jobs", async () => {
  const outcome = await initPolicy("github", { GITHUB_REPOSITORY: "acme/tools" });
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(outcome.stdout)).toEqual({
    policy: expect.stringContaining('"tag:agent": ["autogroup:admin"]'),
    tagOwners: { "tag:agent": ["autogroup:admin"] },
    trust: {
      issuer: "https://token.actions.githubusercontent.com",
      subject: "repo:acme/tools:*",
      claims: { repository: "acme/tools" },
    },
  });
});

test("init policy tells the trust in an agent's owner by the agent's own token, and shows the token nowhere", async () => {
  const claims = { iss: "https://issuer.test", sub: "team:t1:agent:a1", team_id: "t1", cloud_agent_id: "a1" };
  const token = `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  const cursor = createServer((_request, response) => void response.end(JSON.stringify({ token })));
  const socket = join(temporaryDirectory(), "api.sock");
  await new Promise<void>((resolve) => cursor.listen(socket, resolve));
  onTestFinished(() => void cursor.close());
  const outcome = await initPolicy("cursor", { CURSOR_AGENT_SOCKET: socket });
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(outcome.stdout).trust).toEqual({
    issuer: "https://issuer.test",
    subject: "team:t1:agent:*",
    claims: { team_id: "t1" },
  });
  expect(outcome.stdout).not.toContain(token);
});

test.each([
  ["github", "this is no clone of a repository at GitHub"],
  ["cursor", "this is no Cursor cloud agent: CURSOR_AGENT_SOCKET is not set"],
])("init policy for %s says what it lacks where it cannot know the claims", async (platform, message) => {
  expect(await initPolicy(platform)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
});

/** What Tailscale's own parser and the type of its API make of a policy. */
function readPolicy(text: string): { status: number | null; stdout: string; stderr: string } {
  const file = join(temporaryDirectory(), "policy.hujson");
  writeFileSync(file, text);
  const cwd = fileURLToPath(new URL("../manifests", import.meta.url));
  expect(spawnSync("go", ["build", "-o", "/dev/null", "."], { cwd }).status).toBe(0);
  return spawnSync("go", ["run", ".", "policy", file], { cwd, encoding: "utf8" });
}

test("init policy writes what Tailscale's own parser reads, and what lets agents in and nobody further", {
  timeout: 600_000,
}, async () => {
  const outcome = await initPolicy(undefined);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  const { policy }: { policy: string } = JSON.parse(outcome.stdout);
  const read = readPolicy(policy);
  expect(read).toMatchObject({ status: 0, stdout: "" });
  expect(readPolicy(policy.replace('"grants"', '"grantz"'))).toMatchObject({ status: 1 });
  const { grants, tagOwners, nodeAttrs, tests }: Policy = JSON.parse(read.stderr);
  expect(Object.keys(tagOwners).sort()).toEqual(["tag:agent", "tag:server"]);
  expect(nodeAttrs).toEqual([{ target: ["tag:server"], attr: ["funnel"] }]);

  await using tailnet = await startTailnet();
  const [server, agent, other, person] = await Promise.all([
    tailnet.startNode({ hostname: "tools", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
    tailnet.startNode({ hostname: "other", tags: ["tag:other"] }),
    tailnet.startNode({ hostname: "laptop" }),
  ]);
  await tailnet.api.setPolicy({ grants, tagOwners });
  await using gateway = await startGateway(tailnet, server, {
    home: tailnet.tempDir(),
    gateway: { capability: "example.com/cap/mcp", upstreams: { whoami: { builtin: "whoami" } } },
  });
  await expose(server, gateway.json);
  const url = `https://${server.dnsName}:8443/mcp`;
  for (const from of [agent, person]) expect((await sightOf(tailnet, { url, from })).tools).toEqual(["greet"]);
  expect((await sightOf(tailnet, { url: `https://${server.dnsName}/mcp` })).tools).toEqual([]);
  const reaches = async (from: typeof agent, at: string): Promise<boolean> =>
    (await visit(tailnet, { url: at, from, timeoutMs: 3_000 })).kind === "answered";
  expect(await reaches(other, url)).toBe(false);
  for (const [place] of [...(tests[0]?.accept ?? []), ...(tests[0]?.deny ?? [])].map((one) => [one.split(":").at(-1)]))
    expect([place, await reaches(agent, `https://${server.dnsName}:${place}/mcp`)]).toEqual([place, place === "8443"]);
});

interface Policy {
  readonly grants: readonly Grant[];
  readonly tagOwners: Readonly<Record<string, readonly string[]>>;
  readonly nodeAttrs: unknown;
  readonly tests: readonly { readonly accept: readonly string[]; readonly deny: readonly string[] }[];
}
