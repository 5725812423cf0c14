import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Sandbox, startSandbox } from "../../../src/sandbox/sandbox.ts";
import { listen } from "../../fakes/listening.ts";
import { run } from "../../tailnet/harness/run.ts";
import { until } from "../../tailnet/harness/until.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(() => sandbox.close());

describe("tailscale serve in the foreground", () => {
  it("is gone from the configuration and from the port when its program is killed", async () => {
    const server = createServer((_request, response) => response.end("hello"));
    const target = `http://127.0.0.1:${await listen(server)}`;
    onTestFinished(() => void server.close());
    const child = spawn(`${sandbox.binDir}/tailscale`, ["serve", "--https=8443", target], { stdio: "ignore" });
    const ended = once(child, "exit");
    const ask = () =>
      run("curl", ["-sS", "--max-time", "5", ...sandbox.callers.user.curl(`https://${sandbox.host}:8443/`)]);
    const status = () => run(`${sandbox.binDir}/tailscale`, ["serve", "status", "--json"]);
    await until({ what: "the session" }, async () => (await status()).stdout.includes("Foreground") || undefined);
    expect((await ask()).stdout).toBe("hello");
    child.kill("SIGKILL");
    await ended;
    await until({ what: "no session" }, async () => (await status()).stdout === "{}\n" || undefined);
    expect((await ask()).exitCode).not.toBe(0);
  });
});
