import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewayConfig } from "../../src/config/config.ts";
import { freePort } from "../../src/net/listening.ts";
import { binDir } from "./tsmcp.ts";

/** `bin/tsmcp gateway` without a tailnet: what stands before it says itself who calls. */
export interface LoneGateway extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** What stands before the paths of the upstreams. */
  readonly prefix: string;
  readonly log: () => string;
  readonly exited: Promise<unknown>;
}

/** Past a gap, where Node does not look for what to close in its children. */
const leaked = Array.from({ length: 39 }, (_, at) => (at === 38 ? "pipe" : "ignore"));

/** Starts it, on the port of the one before where there was one. */
export async function startLoneGateway(options: {
  readonly directory: string;
  readonly socket: string;
  readonly upstreams: NonNullable<GatewayConfig["upstreams"]>;
  readonly port?: number;
  /** Is left open for the gateway as descriptor 41. */
  readonly leaksDescriptor?: boolean;
  /** Who it runs as, and a launcher that this user may start. */
  readonly as?: { readonly uid: number; readonly gid: number; readonly launcher: string };
}): Promise<LoneGateway> {
  const { directory, socket, upstreams, port = await freePort(), leaksDescriptor = false, as } = options;
  const home = join(directory, "home");
  mkdirSync(home, { recursive: true });
  const config = join(directory, "tsmcp.config.json");
  const listen = { private: `127.0.0.1:${port}`, public: `127.0.0.1:${await freePort()}` };
  const gateway = {
    listen: { ...listen, admin: `unix:${directory}/admin.sock` },
    upstreams,
  };
  writeFileSync(config, JSON.stringify({ gateway }), { mode: 0o600 });
  if (as !== undefined) for (const path of [directory, home, config]) chownSync(path, as.uid, as.gid);
  const launcher = as?.launcher ?? join(binDir, "tsmcp");
  const args = [launcher, "gateway", "--json", "--config", config, "--socket", socket];
  const child = spawn(process.execPath, args, {
    ...(as === undefined ? {} : { uid: as.uid, gid: as.gid, cwd: "/" }),
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ["ignore", "pipe", "pipe", ...(leaksDescriptor ? leaked : [])],
  });
  const exited = once(child, "exit");
  if (child.stdout === null || child.stderr === null) throw new Error("no pipes");
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  let said = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    said += String(chunk);
    if (said.endsWith("}\n")) break;
  }
  if (!said.includes('"target"')) throw new Error(`the gateway did not start: ${said}${errors}`);
  const { private: exposed } = JSON.parse(said) as { private: { target: string } };
  return {
    pid: child.pid ?? 0,
    port,
    prefix: new URL(exposed.target).pathname,
    log: () => errors,
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
