import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findSystemUser } from "../../../src/process/system-user.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

const passwd = [
  "root:x:0:0:root:/root:/bin/bash",
  "notes:x:1001:1002:Notes:/srv/notes:/usr/sbin/nologin",
  "1003:x:1004:1004::/home/odd:/bin/sh",
  "homeless:x:1005:1005::nowhere:/bin/sh",
  "broken:x:::",
  "",
].join("\n");

test.each([
  ["notes", { uid: 1001, gid: 1002, home: "/srv/notes" }],
  ["1001", { uid: 1001, gid: 1002, home: "/srv/notes" }],
  ["1003", { uid: 1004, gid: 1004, home: "/home/odd" }],
  ["homeless", { uid: 1005, gid: 1005, home: "/" }],
  ["2000:2001", { uid: 2000, gid: 2001, home: "/" }],
  ["broken", undefined],
  ["nobody-of-that-name", undefined],
  ["2000", undefined],
  ["", undefined],
])("%j is the user %j", (text, user) => {
  const file = join(temporaryDirectory(), "passwd");
  writeFileSync(file, passwd);
  expect(findSystemUser(text, file)).toEqual(user);
});

test("where there is no such file, only UID:GID names anybody", () => {
  expect(findSystemUser("root", "/nowhere/passwd")).toBeUndefined();
  expect(findSystemUser("5:6", "/nowhere/passwd")).toEqual({ uid: 5, gid: 6, home: "/" });
});
