import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDaemonLog } from "../../../../src/bootstrap/foreground/daemon-log.ts";
import { Secret } from "../../../../src/core/secrets.ts";
import { olderFileOf } from "../../../../src/streams/turned-file.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";

const read = (path: string): string => readFileSync(path, "utf8");

describe("the daemon's log", () => {
  it("strikes out secrets, also one that arrives in two pieces, and one that looks like nothing", () => {
    const path = join(temporaryDirectory(), "log");
    const log = openDaemonLog(path, [new Secret("correct horse", "TS_AUTHKEY")]);
    for (const piece of ["key tskey-auth-k", "ABC-def is bad\nand correct ", "horse too\nlast"]) {
      log.write(Buffer.from(piece));
    }
    log.close();
    expect(read(path)).toBe("key [secret] is bad\nand [secret] too\nlast\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("begins a new file when the limit is reached, and keeps the one before", () => {
    const path = join(temporaryDirectory(), "log");
    const log = openDaemonLog(path, [], 40);
    for (let line = 1; line <= 9; line += 1) log.write(Buffer.from(`this is line ${line}\n`));
    log.close();
    expect(read(olderFileOf(path))).toBe("this is line 7\nthis is line 8\n");
    expect(read(path)).toBe("this is line 9\n");
  });

  it("goes on in the file that is there, and leaves out a line without end", () => {
    const path = join(temporaryDirectory(), "log");
    writeFileSync(path, "before\n");
    const log = openDaemonLog(path, []);
    log.write(Buffer.from(`${"x".repeat(100_000)}\nafter\n`));
    log.close();
    expect(read(path)).toBe("before\n(a line of 100000 bytes is left out)\nafter\n");
  });

  it("follows no symbolic link, and goes on when its directory is gone", () => {
    const directory = temporaryDirectory();
    symlinkSync(join(directory, "elsewhere"), join(directory, "link"));
    expect(() => openDaemonLog(join(directory, "link"), [])).toThrow("ELOOP");
    expect(existsSync(join(directory, "elsewhere"))).toBe(false);
    const log = openDaemonLog(join(directory, "log"), [], 10);
    rmSync(directory, { recursive: true });
    for (const line of ["one line\n", "two lines\n"]) log.write(Buffer.from(line));
    log.close();
  });
});
