import { expect, test } from "vitest";
import { isReleaseVersion, parseChecksum, parseReleaseIndex } from "../../../src/tailscale/release.ts";

const sum = "ab".repeat(32);

test.each([
  [sum, sum],
  [`${sum}\n`, sum],
  [`${sum.toUpperCase()}  tailscale_1.102.5_amd64.tgz\n`, sum],
  [`${sum}0`, undefined],
  ["<html>", undefined],
  ["", undefined],
])("parseChecksum reads %j as %j", (text, expected) => expect(parseChecksum(text)).toBe(expected));

test.each([
  ['{"TarballsVersion":"1.102.5","Tarballs":{}}', "1.102.5"],
  ['{"Version":"1.102.5"}', "1.102.5"],
  ['{"TarballsVersion":"../../etc"}', undefined],
  ["[]", undefined],
  ["<html>", undefined],
])("parseReleaseIndex finds in %s the version %j", (json, expected) => expect(parseReleaseIndex(json)).toBe(expected));

test.each(["1.102", "1.102.5-pre", "1.102.5/..", "v1.102.5", ""])("%j is no release's version", (text) => {
  expect(isReleaseVersion(text)).toBe(false);
});
