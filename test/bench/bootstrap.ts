import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { firstAnswer } from "./first-answer.ts";
import { type Scene, time, tsmcp } from "./scene.ts";
import { inTurn, type Summary, summarize } from "./statistics.ts";

const peerScript = fileURLToPath(new URL("peer-bootstrap.sh", import.meta.url));

/** From nothing to the first answer, tsmcp and the shell script in turn; and `up` where all is there already. */
export async function benchBootstrap(scene: Scene, rounds: number): Promise<Record<string, Summary>> {
  const { tailnet, url, ca, key } = scene;
  const again: number[] = [];

  const ours = async (): Promise<number> => {
    const { env } = scene.newHome();
    const proxyPort = await tailnet.api.reservePort();
    const argv = [
      ...[tsmcp, "up", "--no-verify", "--server", `notes=${url.href}`, "--agent", "cursor", "--hostname", "ours"],
      ...["--proxy", `127.0.0.1:${proxyPort}`, "--login-server", tailnet.controlUrl, "--no-logs-no-support"],
    ] as [string, ...string[]];
    const withKey = { ...env, TS_AUTHKEY: key };
    const start = performance.now();
    await time(argv, withKey, env.HOME);
    await firstAnswer({ url, proxyPort, ca });
    const ms = performance.now() - start;
    again.push(await time(argv, withKey, env.HOME));
    await time([tsmcp, "down"], env, env.HOME);
    return ms;
  };

  const script = async (): Promise<number> => {
    const { env, home } = scene.newHome();
    const proxyPort = await tailnet.api.reservePort();
    const directory = join(home, "peer");
    mkdirSync(directory);
    writeFileSync(join(directory, "key"), key, { mode: 0o600 });
    const start = performance.now();
    await time([peerScript, directory, `127.0.0.1:${proxyPort}`, tailnet.controlUrl], env);
    await firstAnswer({ url, proxyPort, ca });
    const ms = performance.now() - start;
    await time([join(tailnet.binDir, "tailscale"), `--socket=${directory}/sock`, "logout"], env);
    process.kill(Number(readFileSync(join(directory, "pid"), "utf8")));
    return ms;
  };

  const summaries = await inTurn(rounds, { "tsmcp up": ours, "shell script": script });
  return { ...summaries, "tsmcp up, again": summarize(again.slice(1)) };
}
