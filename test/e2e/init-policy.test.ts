import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { type Outcome, tsmcp } from "./tsmcp.ts";

function initPolicy(platform: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const home = temporaryDirectory();
  const place = { workspace: home, env: { HOME: home, PATH: "/usr/bin:/bin", ...env } };
  return tsmcp(["init", "policy", "--for", platform, "--json"], place);
}

test("init policy tells the trust in a repository's jobs", async () => {
  const outcome = await initPolicy("github", { GITHUB_REPOSITORY: "acme/tools" });
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(outcome.stdout)).toEqual({
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
