import { type Command, Option } from "commander";
import type { Acquired } from "../../bootstrap/acquire/request.ts";
import { createCommand, type Session } from "../command.ts";

interface InstallOptions {
  readonly tailscaleVersion?: string;
  readonly sha256?: string;
  readonly mirror?: string;
  readonly dir?: string;
}

export function installCommand(session: Session): Command {
  return createCommand<InstallOptions>({
    session,
    name: "install",
    summary: "get tailscale and tailscaled, and log in to nothing",
    description:
      "Keeps what is on PATH; else gets the official static archive, checks it, and puts the two programs where this\n" +
      "user's programs are. Needs no root; as root, without systemd, a recent package of the distribution comes first. For Dockerfiles, snapshots and install lines; up does the same where it must.",
    examples: [
      "tsmcp install",
      "tsmcp install --tailscale-version 1.102.5 --sha256 0123… --dir /opt/tailscale/bin",
      "tsmcp install --mirror https://mirror.example.com/tailscale/",
    ],
    options: [
      new Option("--tailscale-version <version>", "which one (default: what is there, else the newest)"),
      new Option("--sha256 <sums>", "the archive must have one of these checksums; commas between them"),
      new Option("--mirror <url>", "where the archives are (default: https://pkgs.tailscale.com/stable/)"),
      new Option("--dir <dir>", "where the programs go (default: ~/.local/bin)"),
    ],
    run: async (context, options) => {
      const [
        { acquireTailscale },
        { acquireRequest, listOf },
        { isOnPath },
        { loadConfig },
        { settingsOf },
        { fromHere },
      ] = await Promise.all([
        import("../../bootstrap/acquire/acquire.ts"),
        import("../acquire-request.ts"),
        import("../../bootstrap/acquire/place.ts"),
        import("../../config/load.ts"),
        import("../../config/settings.ts"),
        import("../from-here.ts"),
      ]);
      const settings = settingsOf(
        {
          tailscaleVersion: options.tailscaleVersion,
          sha256: options.sha256 === undefined ? undefined : listOf(options.sha256),
          mirror: options.mirror,
        },
        loadConfig(context),
      );
      const directory = options.dir === undefined ? undefined : fromHere(options.dir, "--dir", context);
      const got = await acquireTailscale(acquireRequest(settings, directory), context);
      const place = got.tailscaled.replace(/\/tailscaled$/, "");
      if (!isOnPath(place, context)) context.log.info(`${place} is not on PATH: ${adviceFor(directory)}`);
      const pin = pinOf(got, settings.sha256);
      context.result({ ...got, pin: pin ?? null }, textOf(got, place, pin));
      return 0;
    },
  });
}

function adviceFor(directory: string | undefined): string {
  return directory === undefined ? "tsmcp finds it there, other programs do not" : "put it there for tsmcp to find";
}

/** The line that gets the very same again; undefined where it is pinned already, or is no archive's. */
function pinOf({ sha256, version }: Acquired, pins: readonly string[]): string | undefined {
  if (sha256 === null || pins.length > 0) return undefined;
  return `tsmcp install --tailscale-version ${version.split("-")[0]} --sha256 ${sha256}`;
}

function textOf({ version, source, changed }: Acquired, place: string, pin: string | undefined): string {
  const how = {
    found: "is there already",
    package: "the distribution's package",
    cache: "from the copy that was kept",
    archive: "from the archive",
    go: "built by go",
  };
  const what = `tailscale ${version} ${source === "found" || !changed ? "is" : "is now"} in ${place} (${how[source]})\n`;
  return pin === undefined ? what : `${what}pin it: ${pin}\n`;
}
