import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { firstUntrue } from "../../scripts/walkthrough/transcript.ts";
import { temporaryBase } from "../fakes/temporary-directory.ts";
import { run } from "../tailnet/harness/run.ts";
import { processesNaming } from "./tsmcp.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
// The build is scripts/prepare's business; building here would pull dist away under the tests beside this one.
const demo = ["--import", "tsx", "scripts/walkthrough/main.ts"];

/** A temporary folder of the test's own, and the environment that names it. */
function place(): { readonly temporary: string; readonly env: NodeJS.ProcessEnv } {
  const temporary = mkdtempSync(join(temporaryBase(), "demo-"));
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
  return { temporary, env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: "1" } };
}

it.each([["an imitation", []] as const, ["the real tailnet", ["--real"]] as const])(
  "the demo on %s shows everything that it is there to show, and leaves nothing behind",
  async (_where, words) => {
    const { temporary, env } = place();
    // As a terminal shows it, with what goes to stderr in its place.
    const argv = ["-c", 'exec "$0" "$@" 2>&1', process.execPath, ...demo, ...words];
    const done = await run("sh", argv, { cwd: root, env });
    expect(done).toMatchObject({ exitCode: 0 });
    for (const shown of ["echo answered", '"command": "tsmcp"', "pass: ", "fail: ", "FAIL separation.host-header"]) {
      expect(done.stdout).toContain(shown);
    }
    expect(existsSync(join(root, "dist/demo-report.html"))).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
    if (words.length === 0) {
      const excerpt = /```console\n\$ \.\/scripts\/demo\n([\s\S]*?)\n```/.exec(
        readFileSync(join(root, "README.md"), "utf8"),
      );
      expect(firstUntrue(excerpt?.[1] ?? "no transcript", done.stdout)).toBeUndefined();
    }
  },
);

it("the demo leaves nothing behind when nobody reads it to its end", async () => {
  const { temporary, env } = place();
  const argv = ["-c", '"$0" "$@" | head -n 1', process.execPath, ...demo];
  await run("sh", argv, { cwd: root, env });
  expect(readdirSync(temporary)).toEqual([]);
  expect(processesNaming(temporary)).toEqual([]);
});

it("the demo stays up with --keep until it is told to end, and then leaves nothing behind", async () => {
  const { temporary, env } = place();
  const child = spawn(process.execPath, [...demo, "--keep"], { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  onTestFinished(() => void child.kill("SIGKILL"));
  let shown = "";
  // It still has something to say at its end, and somebody must read that.
  for await (const piece of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    shown += piece;
    if (!shown.includes("Left up until Ctrl-C") || !shown.endsWith("ca.pem\n")) continue;
    const exports = Object.fromEntries(
      [...shown.matchAll(/^ {2}export (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
    );
    const status = await run(join(root, "bin/tsmcp"), ["status"], { cwd: temporary, env: exports });
    expect(status).toMatchObject({ exitCode: 0, stderr: "" });
    child.kill("SIGTERM");
    break;
  }
  child.stdout.resume();
  expect(await ended).toEqual([0, null]);
  expect(readdirSync(temporary)).toEqual([]);
  expect(processesNaming(temporary)).toEqual([]);
});
