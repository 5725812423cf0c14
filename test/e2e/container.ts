import { copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { copyProduct } from "./open-directory.ts";
import { type Running, startProgram, textOf } from "./tsmcp.ts";

/** One service of a Compose file, as far as the tests start it. */
export interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly hostname?: string;
  /** By the place inside: a directory, or one file, of this machine. */
  readonly volumes: Readonly<Record<string, string>>;
}

export interface Container extends Running {
  /** /proc/PID/status of its first process. */
  readonly status: () => string;
  /** Runs another program in the same surroundings, as a health check is. */
  readonly exec: (argv: readonly string[]) => Running;
}

/** What the two images have: node, tsmcp, containerboot, tailscale, tailscaled and busybox's wget. */
export function imageAt(directory: string, programs: readonly string[]): string {
  const bin = join(directory, "bin");
  mkdirSync(bin, { recursive: true });
  for (const program of programs) copyFileSync(program, join(bin, basename(program)));
  copyFileSync(process.execPath, join(bin, "node"));
  symlinkSync("/bin/busybox", join(bin, "wget"));
  copyProduct(join(directory, "tsmcp"));
  writeFileSync(join(bin, "tsmcp"), '#!/bin/sh\nexec node /mnt/tsmcp/bin/tsmcp "$@"\n', { mode: 0o755 });
  return directory;
}

/**
 * Starts a service in a mount namespace as its container would be: this machine's root file system for an image, read-only,
 * the image's own programs in /mnt, a new /tmp, the volumes, root without any capability and with no way to new ones.
 * The network stays this machine's.
 */
export function startContainer(
  { command, environment, hostname = "container", volumes }: Service,
  { image, root }: { readonly image: string; readonly root: string },
): Container {
  const mounts = Object.entries(volumes).flatMap(([place, source]) => {
    const isFile = statSync(source).isFile();
    const make = isFile ? `: > '${root}${place}'` : `mkdir -p '${root}${place}'`;
    return [`mkdir -p '${root}${dirname(place)}'`, make, `mount --bind '${source}' '${root}${place}'`];
  });
  const script = [
    "set -e",
    // A plain user's path has no chroot.
    'PATH="$PATH:/usr/sbin:/sbin"',
    `hostname '${hostname}'`,
    `mount --bind / '${root}'`,
    `mount --bind '${image}' '${root}/mnt'`,
    // Places for the volumes, which an image has, and which are as read-only as the rest.
    ...["/etc", "/run", "/var/lib"].map((place) => `mount -t tmpfs none '${root}${place}'`),
    ...["passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "ssl"].map(
      (name) => `[ ! -e /etc/${name} ] || cp -aL /etc/${name} '${root}/etc/'`,
    ),
    ...mounts,
    ...["", "/etc", "/run", "/var/lib", "/mnt"].map((place) => `mount -o remount,bind,ro '${root}${place}'`),
    `mount -t tmpfs none '${root}/tmp'`,
    `mount --rbind /dev '${root}/dev'`,
    `mount -t proc proc '${root}/proc'`,
    'exec chroot "$0" setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs "$@"',
  ].join("\n");
  const start = (argv: readonly string[]): Running => {
    const setEnv = Object.entries({ PATH: "/mnt/bin:/usr/bin:/bin", ...environment }).map(([k, v]) => `${k}=${v}`);
    // A process namespace too: whoever is left in it dies with its first process, and that with unshare.
    const words = [
      "-m",
      "-u",
      "-p",
      "--kill-child",
      "sh",
      "-c",
      script,
      root,
      "/usr/bin/env",
      "-i",
      ...setEnv,
      ...argv,
    ];
    return startProgram("unshare", words, { workspace: "/", env: { PATH: process.env.PATH ?? "" } });
  };
  const running = start(command);
  const { pid } = running.child;
  return {
    ...running,
    exec: start,
    status: () => textOf(`/proc/${textOf(`/proc/${pid}/task/${pid}/children`).trim()}/status`),
  };
}
