import { chownSync, copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tailnet } from "../tailnet/harness/tailnet.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";
import { type Outcome, startProgram } from "./tsmcp.ts";

/** A user of this machine who owns nothing. */
export const nobody = 65_534;

/** Why there can be no such machine here, or undefined. */
export const noPoorMachine =
  process.getuid?.() !== 0
    ? "only root can take from a machine what it has"
    : existsSync("/bin/busybox")
      ? undefined
      : "busybox is not installed; type: apt-get install busybox";

/** An agent's VM at its poorest: not root, and no bash, sudo, systemd, ip or TUN; its shell is busybox's. */
export interface PoorMachine {
  readonly root: string;
  /** The user's, who owns it. */
  readonly home: string;
  /** All that is on the PATH: node, tailscale, tailscaled and four programs of busybox's. */
  readonly bin: string;
  readonly launcher: string;
  readonly env: Readonly<Record<string, string>>;
  /** Shows a folder of this checkout, which may lie where only root can look, at a place of the machine. */
  readonly show: (folder: string, place: string) => void;
  /** The words that start a program there, for whoever starts it himself. */
  readonly words: (argv: readonly string[], env?: Readonly<Record<string, string>>) => readonly string[];
  readonly run: (argv: readonly string[], extra?: Readonly<Record<string, string>>, cwd?: string) => Promise<Outcome>;
}

export async function createPoorMachine(tailnet: Tailnet): Promise<PoorMachine> {
  const root = openDirectory("tsmcp-poor-");
  await tailnet.api.claim(root);
  const [home, bin] = [join(root, "home"), join(root, "bin")];
  for (const directory of [home, bin]) mkdirSync(directory);
  chownSync(home, nobody, nobody);
  for (const name of ["sh", "cat", "mkdir", "ls"]) symlinkSync("/bin/busybox", join(bin, name));
  symlinkSync(process.execPath, join(bin, "node"));
  // What the tests have lies where only root can look.
  for (const name of ["tailscale", "tailscaled"]) copyFileSync(join(tailnet.binDir, name), join(bin, name));
  const env = {
    HOME: home,
    PATH: bin,
    SHELL: join(bin, "sh"),
    TSMCP_LOGIN_SERVER: tailnet.controlUrl,
    TSMCP_PROXY: "127.0.0.1:0",
    TS_NO_LOGS_NO_SUPPORT: "true",
  };
  const shown: string[] = [];
  const words = (argv: readonly string[], own: Readonly<Record<string, string>> = env): readonly string[] => {
    const script = [...impoverish, ...shown, 'exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$0" "$@"'];
    const setEnv = Object.entries(own).map(([name, value]) => `${name}=${value}`);
    return ["unshare", "-m", "sh", "-c", script.join("\n"), "/usr/bin/env", "-i", ...setEnv, ...argv];
  };
  return {
    root,
    home,
    bin,
    launcher: copyProduct(join(root, "tsmcp")),
    env,
    show(folder, place) {
      mkdirSync(place, { recursive: true });
      shown.push(`mount --bind '${folder}' '${place}'`);
    },
    words,
    run(argv, extra = {}, cwd = home) {
      const [file = "", ...args] = words(argv, { ...env, ...extra });
      const path = { PATH: process.env.PATH ?? "" };
      return startProgram(file, args, { workspace: cwd, env: path }).outcome;
    },
  };
}

/** Puts a program of a shell script's on the PATH. */
export function addProgram({ bin }: PoorMachine, name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const shell = realpathSync("/bin/sh");
const taken = ["/bin/bash", "/usr/bin/sudo", "/usr/sbin/ip", "/usr/bin/ip", "/usr/bin/systemctl", "/usr/bin/git"];
const impoverish: readonly string[] = [
  "mount -t tmpfs none /dev/net 2>/dev/null",
  "mount -t tmpfs none /run/systemd 2>/dev/null",
  ...[...new Set(taken.filter((path) => existsSync(path)).map((path) => realpathSync(path)))].map(
    (path) => `mount --bind /dev/null '${path}'`,
  ),
  ...(existsSync("/bin/busybox") ? [`mount --bind '${realpathSync("/bin/busybox")}' '${shell}'`] : []),
];
