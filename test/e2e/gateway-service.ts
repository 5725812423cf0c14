import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { GatewayConfig } from "../../src/config/config.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startWhois } from "../fakes/whois.ts";
import { until } from "../tailnet/harness/until.ts";
import { type Answer, type Ask, send, usualNodes } from "../unit/gateway/front.ts";
import { type Running, startTsmcp } from "./tsmcp.ts";

/** `bin/tsmcp gateway` as a service: on sockets, with a stand-in that tells who calls. */
export interface Service extends Running {
  readonly pid: number;
  readonly configFile: string;
  readonly log: () => string;
  send(side: "private" | "public" | "admin", ask: Ask): Promise<Answer>;
}

/** Returns the text of a configuration that listens in `directory`. */
export function configText(directory: string, gateway: GatewayConfig): string {
  const at = (name: string): string => `unix:${directory}/${name}`;
  const listen = { private: at("private"), public: at("public"), admin: at("admin") };
  return JSON.stringify({ gateway: { listen, ...gateway } });
}

/** Starts it, and returns once it listens. */
export async function startService(options: {
  readonly gateway: GatewayConfig;
  readonly directory?: string;
  /** Where it stands already. */
  readonly configFile?: string;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<Service> {
  const { gateway, directory = temporaryDirectory(), env = {} } = options;
  const configFile = options.configFile ?? join(directory, "tsmcp.config.json");
  if (options.configFile === undefined) writeFileSync(configFile, configText(directory, gateway), { mode: 0o600 });
  const { socket } = await startWhois(usualNodes());
  const running = startTsmcp(["gateway", "--json", "--config", configFile, "--socket", socket], {
    env: { PATH: process.env.PATH ?? "", HOME: directory, ...env },
    workspace: directory,
  });
  const said = { out: "", err: "" };
  running.child.stdout?.on("data", (text: string) => {
    said.out += text;
  });
  running.child.stderr?.on("data", (text: string) => {
    said.err += text;
  });
  onTestFinished(async () => {
    running.child.kill("SIGTERM");
    await running.outcome;
  });
  const alive = (): void => {
    if (running.child.exitCode !== null) throw new Error(`the gateway ended: ${said.err}`);
  };
  await until({ what: "the gateway to listen", alive, log: () => said.err }, async () =>
    said.out.endsWith("}\n") && said.out.includes('"target"') ? true : undefined,
  );
  return {
    ...running,
    pid: running.child.pid ?? 0,
    configFile,
    log: () => said.err,
    send: (side, ask) => send(join(directory, side), ask),
  };
}
