/** What of a package-lock.json (version 3) matters here. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
  readonly [key: string]: unknown;
}

export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/**
 * Returns the lock without the address that each package came from, which is the registry's of whoever installs, and
 * with an entry for every optional package that npm left out because a registry does not have it (mirrors lack other
 * systems' builds). "npm ci" refuses a lock without them, even where they would never be installed.
 */
export function completeLock(lock: Lock): Lock {
  const present = Object.entries(lock.packages).map(([path, entry]) => [path, withoutAddress(entry)] as const);
  const packages = Object.fromEntries(present);
  for (const [path, { optionalDependencies = {} }] of present) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const locked = nearestEntry(packages, path, name);
      if (locked?.version === version || !/^\d+\.\d+\.\d+$/.test(version)) continue;
      const place = locked === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
      packages[place] = { version, ...platformOf(name), dev: true, optional: true };
    }
  }
  return { ...lock, packages: Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function withoutAddress(entry: LockedPackage): LockedPackage {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "resolved"));
}

/** Node looks from the package's own folder upwards, and so does npm. */
function nearestEntry(packages: Readonly<Record<string, LockedPackage>>, path: string, name: string) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const entry = packages[at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (entry !== undefined || at === "") return entry;
  }
}

/** `@x/cli-linux-arm64-musl` is for linux on arm64, by the convention of all these packages. */
function platformOf(name: string): { os?: string[]; cpu?: string[] } {
  const words = name.replace(/^.*\//, "").split("-");
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  return { ...(os === undefined ? {} : { os: [os] }), ...(cpu === undefined ? {} : { cpu: [cpu] }) };
}
