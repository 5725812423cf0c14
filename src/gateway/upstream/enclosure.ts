import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { UpstreamConfig } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { type Environment, runtimeRoots } from "../../core/runtime-directory.ts";
import type { Program } from "../../process/namespace.ts";
import { tryNamespace } from "../../process/namespace-trial.ts";
import type { SystemUser } from "../../process/system-user.ts";
import type { ListenPlan } from "../listen-plan.ts";
import { configuredUser, type Entry, invalid } from "./configured.ts";
import { UpstreamFailure } from "./failure.ts";
import { hidingOf, type Secrets } from "./hiding.ts";
import { watchPlaces } from "./places.ts";

/** How programs that run as the gateway's own user are kept away from its sockets and keys, or why they cannot be. */
export type Enclosure =
  | {
      readonly kind: "works";
      /** Undefined where there is no such program. Throws UpstreamFailure where what is hidden was moved. */
      readonly enclose: (program: Program) => Program | undefined;
      /** What was configured when nothing of it ran yet. */
      readonly atStart: Readonly<Record<string, UpstreamConfig>>;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Finds out whether this machine can do it. */
export async function tryEnclosure(from: {
  readonly plan: ListenPlan;
  /** tailscaled's: it tells the path behind a port, and may take the user for its operator. */
  readonly socket: string;
  /** `file:PATH`, or what is no file. */
  readonly keyTexts: readonly (string | undefined)[];
  readonly env: Environment;
  readonly log: Log;
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
}): Promise<Enclosure> {
  const { plan, socket, keyTexts, env, log, upstreams } = from;
  const addresses = plan.kind === "two" ? [plan.private, plan.public, plan.admin] : [plan.single, plan.admin];
  const secrets: Secrets = {
    files: [
      ...addresses.flatMap((address) => (address.kind === "unix" ? [address.path] : [])),
      ...[socket],
      ...keyTexts.flatMap((text) => (text?.startsWith("file:") === true ? [text.slice("file:".length)] : [])),
    ],
    directories: runtimeRoots({ env }),
  };
  const hiding = (program: Pick<Program, "file" | "args" | "env" | "cwd">) =>
    hidingOf(secrets, { needed: pathsOf(program) });
  const trial: Program = { file: "/bin/sh", args: [], env: env.HOME === undefined ? {} : { HOME: env.HOME }, cwd: "/" };
  const namespace = await tryNamespace({ path: env.PATH ?? "", hiding: hiding(trial), secrets: secrets.files });
  if (namespace.kind === "refused") return namespace;
  const watch = watchPlaces([...secrets.files.map((path) => dirname(path)), ...secrets.directories]);
  return {
    kind: "works",
    atStart: upstreams,
    enclose(program) {
      const moved = watch.moved();
      if (moved === undefined) return namespace.enter(program, hiding(program));
      log.warn(
        `${moved} is not the directory that it was: no program of this user is started that could see the old one`,
      );
      throw new UpstreamFailure("unreachable", "cannot be started (what it must not see was moved)");
    },
  };
}

/** What a program cannot do without, as far as its command line tells. */
function pathsOf({ file, args, env, cwd }: Program): string[] {
  const words = [file, ...args].map((word) => word.slice(word.lastIndexOf("=") + 1));
  return [cwd, ...(env.HOME === undefined ? [] : [env.HOME]), ...words].filter((path) => path.startsWith("/"));
}

/** Returns how this one is enclosed; undefined: not at all. Throws `config-invalid` where it has to be, and cannot. */
export function configuredEnclosure(
  entry: Entry,
  user: SystemUser | undefined,
  enclosure: Enclosure | undefined,
): ((program: Program) => Program | undefined) | undefined {
  const { namespace } = entry.config;
  if (enclosure?.kind === "works" && user === undefined) {
    if (namespace !== false) return enclosure.enclose;
    // A program of ours may be able to write the configuration, and would let itself out.
    if (isDeepStrictEqual(enclosure.atStart[entry.name], entry.config)) return undefined;
    throw invalid(entry, '"namespace": false is heeded at the start alone', "start the gateway again");
  }
  if (namespace !== true) return undefined;
  const reason =
    user === undefined
      ? `no namespace of its own can be made (${reasonOf(enclosure)})`
      : '"namespace" is for programs of the gateway\'s own user, and it has another one';
  throw invalid(entry, reason, 'leave out "namespace"');
}

/** Returns a line for those of the programs that can reach the gateway's own sockets and keys. */
export function exposedPrograms(
  upstreams: Readonly<Record<string, UpstreamConfig>>,
  enclosure: Enclosure | undefined,
): string[] {
  const own = Object.entries(upstreams)
    .filter(([, { command, enabled }]) => command !== undefined && enabled !== false)
    .filter(([name, config]) => configuredUser({ name, config, env: {} }) === undefined);
  const open = own.filter(([, { namespace }]) => enclosure?.kind !== "works" || namespace === false);
  if (open.length === 0) return [];
  const why = enclosure?.kind === "works" ? '"namespace" is false' : `no namespace of its own: ${reasonOf(enclosure)}`;
  return [
    `${open.map(([name]) => name).join(", ")}: runs as this user, who can read the sealing key and open the private ` +
      `listener (${why}); give it another user in the configuration: "user"`,
  ];
}

function reasonOf(enclosure: Enclosure | undefined): string {
  return enclosure?.kind === "refused" ? enclosure.reason : "it was not tried";
}
