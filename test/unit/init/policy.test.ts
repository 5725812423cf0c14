import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { policyText } from "../../../src/init/policy.ts";
import { githubRepositoryAt, repositoryOf } from "../../../src/init/repository.ts";
import { tailnetPolicyText } from "../../../src/init/tailnet-policy.ts";
import { cursorTrust, githubTrust } from "../../../src/init/trust.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test.each([
  ["https://github.com/acme/tools.git", "acme/tools"],
  ["https://x-access-token:secret@github.com/acme/tools", "acme/tools"],
  ["git@github.com:acme/to.ols.git", "acme/to.ols"],
  ["ssh://git@github.com/acme/tools/", "acme/tools"],
  ["https://gitlab.com/acme/tools.git", undefined],
  ["https://github.com.evil.test/acme/tools", undefined],
  ["https://github.com/acme/tools/../x", undefined],
])("repositoryOf reads %s as %s", (url, expected) => expect(repositoryOf(url)).toBe(expected));

test("githubRepositoryAt finds the origin from below the clone, and not another remote", () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, "clone/.git"), { recursive: true });
  mkdirSync(join(root, "clone/src"));
  writeFileSync(
    join(root, "clone/.git/config"),
    '[remote "fork"]\n\turl = https://github.com/me/tools\n[remote "origin"]\n\turl = git@github.com:acme/tools.git\n\tfetch = +x\n',
  );
  expect(githubRepositoryAt(join(root, "clone/src"))).toBe("acme/tools");
});

const token = (claims: object): string => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

test.each([
  [
    { iss: "https://i", sub: "team:t1:agent:a1", team_id: "t1", cloud_agent_id: "a1", agent_runtime: "managed" },
    { issuer: "https://i", subject: "team:t1:agent:*", claims: { team_id: "t1", agent_runtime: "managed" } },
  ],
  [
    { iss: "https://i", sub: "user:u", aud: "x" },
    { issuer: "https://i", subject: "user:u", claims: {} },
  ],
])("cursorTrust of %j holds for the owner's other agents", (claims, expected) => {
  expect(cursorTrust(token(claims))).toEqual(expected);
});

test.each([
  [token({ iss: "https://i", sub: "a1", cloud_agent_id: "a1", agent_runtime: "managed" })],
  [token({ sub: "user:u" })],
  ["no token"],
])("cursorTrust refuses %s, which would trust every agent there is", (text) => {
  expect(() => cursorTrust(text)).toThrow("does not tell whose agent it is");
});

test("policyText tells each value where it belongs", () => {
  const policy = "{\n\t// Why.\n}\n";
  expect(
    policyText({ platform: "github", tag: "tag:ci", trust: githubTrust("acme/tools"), policy }),
  ).toMatchInlineSnapshot(`
    "1. The tailnet's policy file (https://login.tailscale.com/admin/acls/file), in which the tag must be somebody's:

         {
         	// Why.
         }

    2. A credential of the kind OpenID Connect (https://login.tailscale.com/admin/settings/trust-credentials):

         issuer     https://token.actions.githubusercontent.com
         subject    repo:acme/tools:*
         claim      repository = acme/tools
         scope      auth_keys, write
         tags       tag:ci

       It gets a client id, which is no secret, and the audience api.tailscale.com/CLIENT-ID, which tsmcp asks for.

    3. In the workflow:

         permissions:
           id-token: write
           contents: read
         env:
           TS_CLIENT_ID: CLIENT-ID
         steps:
           - run: npx tsmcp up --advertise-tags tag:ci
    "
  `);
  const trust = { issuer: "https://i", subject: "s:*", claims: { team_id: "t1" } };
  expect(policyText({ platform: "cursor", tag: "tag:agent", trust, policy })).toMatchInlineSnapshot(`
    "1. The tailnet's policy file (https://login.tailscale.com/admin/acls/file), in which the tag must be somebody's:

         {
         	// Why.
         }

    2. A credential of the kind OpenID Connect (https://login.tailscale.com/admin/settings/trust-credentials):

         issuer     https://i
         subject    s:*
         claim      team_id = t1
         scope      auth_keys, write
         tags       tag:agent

       It gets a client id, which is no secret, and the audience api.tailscale.com/CLIENT-ID, which tsmcp asks for.

    3. In .cursor/environment.json:

         "start": "tsmcp up --client-id CLIENT-ID --advertise-tags tag:agent"
    "
  `);
});

test("the policy has the tag that was asked for, wherever the agents' tag stands", () => {
  const text = tailnetPolicyText("tag:ci");
  expect(text.match(/tag:ci/g)).toHaveLength(4);
  expect(text).not.toMatch(/tag:agent|@[A-Z_]+@/);
});
