import { existsSync, lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import type { Hiding } from "../../process/namespace.ts";

/** What programs of the gateway's own user have no business with. */
export interface Secrets {
  /** Sockets and keys. */
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** Where many programs have their files side by side. */
const sharedPlaces: readonly string[] = ["/run", "/tmp", "/var/tmp", "/dev/shm"];

/** Of whoever is logged in: the service manager there starts programs outside, and the journal tells what we print. */
const always = { place: "/run", without: ["user", "log"], journal: "/var/log/journal" };

/**
 * Returns how to hide the secrets from a program, as the file systems are now. A file goes with its directory, because
 * who makes it anew must not show it again; and what is in /run with all of it, because services take theirs away.
 * Only a file beside what the program needs goes alone.
 */
export function hidingOf(
  secrets: Secrets,
  { needed, shared = sharedPlaces }: { readonly needed: readonly string[]; readonly shared?: readonly string[] },
): Hiding {
  const thinned = new Map([[always.place, new Set(always.without)]]);
  const emptied = new Set([...secrets.directories, always.journal].flatMap(realPath));
  const blanked = new Set<string>();
  const wanted = needed.flatMap(realPath);
  const isWanted = (directory: string): boolean => wanted.some((path) => isWithin(path, directory));
  const leaveOut = (place: string, name: string): void => {
    thinned.set(place, new Set([...(thinned.get(place) ?? []), name]));
  };
  for (const path of secrets.files.flatMap(placesOf)) {
    const directory = dirname(path);
    const parent = dirname(directory);
    if (shared.includes(directory)) leaveOut(directory, basename(path));
    else if (isWanted(directory)) blanked.add(path);
    else if (parent === always.place) leaveOut(parent, basename(directory));
    else emptied.add(directory);
  }
  const gone = [...thinned].flatMap(([place, names]) => [...names].map((name) => join(place, name)));
  const isGone = (path: string): boolean => gone.some((one) => isWithin(path, one));
  const empty = [...emptied].filter((one) => !isGone(one) && ![...emptied].some((other) => isBelow(one, other)));
  return {
    thinned: [...thinned]
      .filter(([place]) => existsSync(place))
      .map(([directory, names]) => ({ directory, without: [...names] })),
    emptied: empty,
    blanked: [...blanked].filter(
      (path) => existsSync(path) && !isGone(path) && !empty.some((one) => isWithin(path, one)),
    ),
  };
}

/** Where a file is, and where it leads. */
function placesOf(path: string): string[] {
  const [directory] = realPath(dirname(path));
  return directory === undefined ? [] : [...new Set([join(directory, basename(path)), ...realPath(path)])];
}

function realPath(path: string): string[] {
  try {
    lstatSync(path);
    return [realpathSync(path)];
  } catch {
    return [];
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || isBelow(path, directory);
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`);
}
