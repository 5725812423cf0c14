import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loginsKeptIn } from "../../../src/bootstrap/kept-login.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
const profiles = encoded({ a1: { Key: "profile-a1", NodeID: "n1" } });

test.each([
  [{ _profiles: profiles, "profile-a1": encoded({ Hostname: "vm" }) }, ["vm"]],
  [{ _profiles: profiles, "profile-a1": encoded({ Hostname: "" }) }, ["n1"]],
  [{ _profiles: encoded({ a1: {} }) }, ["its node"]],
  [{ _profiles: encoded({}), _machinekey: "bWFjaGluZQ==" }, []],
  [{ _profiles: "bm8gSlNPTg==" }, ["its node"]],
  [{}, []],
  [null, []],
])("the logins in the state %j are %j", (state, expected) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "tailscaled.state"), JSON.stringify(state));
  expect(loginsKeptIn(directory)).toEqual(expected);
});

test("there is no login where there is no state, and one without a name in a torn file", () => {
  const directory = temporaryDirectory();
  expect(loginsKeptIn(directory)).toEqual([]);
  writeFileSync(join(directory, "tailscaled.state"), '{"_prof');
  expect(loginsKeptIn(directory)).toEqual(["its node"]);
});
