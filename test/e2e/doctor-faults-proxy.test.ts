import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startConnectRelay } from "../fakes/connect-relay.ts";
import { listen } from "../fakes/listening.ts";
import { until } from "../tailnet/harness/until.ts";
import { diagnose, type Scene, startScene } from "./doctor-scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("when one thing is wrong with the proxy, the doctor names it first:", () => {
  test("an export that outlived its daemon", async () => {
    const port = await scene.tailnet.api.reservePort();
    const { findings, check } = await diagnose(scene, { env: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
    expect(findings).toEqual(["proxy.exports fail"]);
    expect(check("proxy.exports")?.message).toContain(`HTTPS_PROXY leads to http://127.0.0.1:${port}`);
  });

  test("an export in a profile", async () => {
    const port = await scene.tailnet.api.reservePort();
    const home = scene.tailnet.tempDir();
    writeFileSync(join(home, ".bashrc"), `alias ll='ls -l'\nexport ALL_PROXY="socks5h://127.0.0.1:${port}"\n`);
    const { findings, check } = await diagnose(scene, { env: { HOME: home } });
    expect(findings).toEqual(["proxy.exports warn"]);
    expect(check("proxy.exports")?.message).toContain("~/.bashrc:2");
  });

  test("nothing at the port", async () => {
    const proxy = `127.0.0.1:${await scene.tailnet.api.reservePort()}`;
    const { findings, needs } = await diagnose(scene, { from: { proxy, socket: scene.agent.socket } });
    expect({ findings, needs }).toEqual({ findings: ["proxy.listening fail"], needs: ["proxy.listening"] });
  });

  test.runIf(process.getuid?.() === 0)("another user's program at the port", async () => {
    const port = await scene.tailnet.api.reservePort();
    const listen = `require("node:net").createServer((s) => s.destroy()).listen(${port}, "127.0.0.1")`;
    const child = spawn("setpriv", ["--reuid=65534", "--clear-groups", process.execPath, "-e", listen], {
      stdio: "ignore",
    });
    try {
      const answers = () => fetch(`http://127.0.0.1:${port}`).catch((error: Error) => error.cause);
      const isUp = async () => (String(await answers()).includes("ECONNREFUSED") ? undefined : true);
      await until({ what: "the other user's program" }, isUp);
      const { findings, check } = await diagnose(scene, {
        from: { proxy: `127.0.0.1:${port}`, socket: scene.agent.socket },
      });
      expect(findings).toEqual(["proxy.listening fail"]);
      expect(check("proxy.listening")?.message).toContain("belongs to user 65534");
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("a web server at the port, which answers and opens no tunnel", async () => {
    const from = { proxy: `127.0.0.1:${scene.gate.port}`, socket: scene.agent.socket };
    const { findings, needs } = await diagnose(scene, { from });
    expect({ findings, needs }).toEqual({ findings: ["proxy.connect fail"], needs: ["proxy.connect"] });
  });

  test("a program at the port that takes connections and says nothing", async () => {
    const silent = createServer();
    const sockets = new Set<Socket>();
    silent.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
    const port = await listen(silent);
    try {
      const { findings, needs } = await diagnose(scene, {
        from: { proxy: `127.0.0.1:${port}`, socket: scene.agent.socket },
      });
      expect({ findings, needs }).toEqual({ findings: ["proxy.connect fail"], needs: ["proxy.connect"] });
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  test("a tailscaled without SOCKS5", async () => {
    const spare = await scene.tailnet.startNode({
      hostname: "no-socks",
      tags: ["tag:agent"],
      upArgs: ["--shields-up"],
      args: ["--socks5-server="],
    });
    expect((await diagnose(scene, { from: spare })).findings).toEqual(["proxy.socks5 warn"]);
    await spare.kill();
  });

  test("another proxy before tailscaled's that resolves names by itself", async () => {
    await using relay = await startConnectRelay({
      to: scene.agent.proxy,
      refuses: (authority) => !/^[\d.]+:\d+$/.test(authority),
    });
    const { findings, needs } = await diagnose(scene, { from: { proxy: relay.address, socket: scene.agent.socket } });
    expect(findings[0]).toBe("proxy.magicdns fail");
    expect(needs).toEqual(["proxy.magicdns"]);
  });

  test("a proxy that takes its time", async () => {
    await using relay = await startConnectRelay({ to: scene.agent.proxy, delayMs: 1_100 });
    const { findings } = await diagnose(scene, { from: { proxy: relay.address, socket: scene.agent.socket } });
    expect(findings[0]).toBe("proxy.latency warn");
  });

  test("a Python that falls over ALL_PROXY", async () => {
    const directory = join(scene.home, "python");
    const made = spawnSync("python3", ["-m", "venv", "--without-pip", directory], { encoding: "utf8" });
    expect(made.stderr).toBe("");
    const [version = ""] = readdirSync(join(directory, "lib"));
    const requests = join(directory, "lib", version, "site-packages", "requests");
    mkdirSync(requests);
    writeFileSync(join(requests, "__init__.py"), "");
    const env = { ALL_PROXY: `socks5h://${scene.agent.proxy}`, PATH: `${directory}/bin:${scene.tailnet.env().PATH}` };
    const { findings, check } = await diagnose(scene, { env });
    expect(findings).toEqual(["proxy.python warn"]);
    expect(check("proxy.python")?.facts).toMatchObject({ trapped: ["requests"] });
  });
});
