import { constants } from "node:fs";
import { join } from "node:path";
import { isObject } from "../core/json-object.ts";
import { makeDirectories } from "../core/make-directories.ts";
import { directoryDefect, type Environment, homeDirectory } from "../core/runtime-directory.ts";
import { type JsonObject, objectAt } from "../mcp/json.ts";
import type { KnownServer } from "./known-server.ts";

/** What one server said last time, to one caller: kept between starts, for the next that comes before the network. */
export interface Cache {
  read(): Promise<KnownServer | undefined>;
  /** Notes what the server said; written soon, in one go. Never throws: a full disk must not cost the agent its tools. */
  note(part: "openings" | "lists", method: string, result: JsonObject): void;
  /** Notes that the server knows no `server/discover`. */
  noteLegacyOnly(): void;
  /** Writes what is noted and not written. */
  flush(): Promise<void>;
}

interface CacheFile {
  readonly version: 1;
  readonly savedAt: number;
  readonly url: string;
  readonly openings: Readonly<Record<string, JsonObject>>;
  readonly lists: Readonly<Record<string, JsonObject>>;
  readonly legacyOnlyAt: number | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;

/** A server that was not used for a month has been forgotten by people too. */
const maxAgeMs = 30 * dayMs;

/** Servers learn the modern era; what they could not yesterday they may today. */
const maxVerdictAgeMs = dayMs;

const maxFileBytes = 16 * 1024 * 1024;
const writeAfterMs = 250;

/**
 * Returns the cache for `url` as seen with `credentials`, in `$HOME/.cache/tsmcp`: found through no other variable, because
 * agents give nothing but `PATH` and `HOME`. Without a home directory of ours it keeps nothing.
 */
export function createCache(options: {
  readonly url: string;
  /** Header lines; another caller may see other tools. Only a hash of them is kept. */
  readonly credentials: readonly string[];
  readonly env: Environment;
}): Cache {
  const home = homeDirectory(options.env);
  const directory = home === undefined ? undefined : join(home, ".cache/tsmcp");
  let noted: { openings: Record<string, JsonObject>; lists: Record<string, JsonObject>; legacyOnlyAt?: number } = {
    openings: {},
    lists: {},
  };
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const path = async (): Promise<string> => join(directory ?? "", `${await keyOf(options)}.json`);
  const load = async (): Promise<CacheFile | undefined> => {
    if (directory === undefined) return undefined;
    try {
      if (directoryDefect(directory) !== undefined) return undefined;
      return parseFile(await readOwnFile(await path()), options.url);
    } catch {
      // Missing, torn, too large or somebody else's.
      return undefined;
    }
  };
  const save = async (): Promise<void> => {
    if (directory === undefined) return;
    const { openings, lists, legacyOnlyAt } = noted;
    noted = { openings: {}, lists: {} };
    const before = await load();
    const file: CacheFile = {
      version: 1,
      savedAt: Date.now(),
      url: options.url,
      openings: { ...before?.openings, ...openings },
      lists: { ...before?.lists, ...lists },
      // A server that was discovered knows how.
      legacyOnlyAt: "server/discover" in openings ? undefined : (legacyOnlyAt ?? before?.legacyOnlyAt),
    };
    const text = JSON.stringify(file);
    if (text.length > maxFileBytes) return;
    const { rename, rm, writeFile } = await import("node:fs/promises");
    makeDirectories(directory, 0o700);
    if (directoryDefect(directory) !== undefined) return;
    const target = await path();
    // Several bridges may write at once; each has a file of its own until it is whole.
    const draft = `${target}.${process.pid}.new`;
    await rm(draft, { force: true });
    await writeFile(draft, text, { mode: 0o600, flag: "wx" });
    await rename(draft, target);
    await sweep(directory);
  };
  const write = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(save).catch(() => {});
    return writing;
  };
  const schedule = (): void => {
    timer ??= setTimeout(() => void write(), writeAfterMs).unref();
  };
  return {
    async read() {
      const file = await load();
      if (file === undefined) return undefined;
      const now = Date.now();
      const verdictAgeMs = now - (file.legacyOnlyAt ?? 0);
      const isLegacyOnly = verdictAgeMs >= 0 && verdictAgeMs < maxVerdictAgeMs;
      // A clock that was set back makes nothing wrong that the server said; only its age is not known.
      const savedAt = file.savedAt > now ? undefined : file.savedAt;
      return { ...file, savedAt, source: "cache", isLegacyOnly };
    },
    note(part, method, result) {
      noted[part][method] = result;
      schedule();
    },
    noteLegacyOnly() {
      noted.legacyOnlyAt = Date.now();
      schedule();
    },
    flush: () => (timer === undefined ? writing : write()),
  };
}

async function keyOf({ url, credentials }: { url: string; credentials: readonly string[] }): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256")
    .update(JSON.stringify([url, ...credentials]))
    .digest("hex")
    .slice(0, 32);
}

async function readOwnFile(path: string): Promise<string> {
  const { open } = await import("node:fs/promises");
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, uid } = await handle.stat();
    if (size > maxFileBytes || (process.getuid !== undefined && uid !== process.getuid())) return "";
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function parseFile(text: string, url: string): CacheFile | undefined {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || value.version !== 1 || value.url !== url || typeof value.savedAt !== "number")
    return undefined;
  if (Date.now() - value.savedAt > maxAgeMs) return undefined;
  return {
    version: 1,
    url,
    savedAt: value.savedAt,
    openings: objectsIn(objectAt(value, "openings")),
    lists: objectsIn(objectAt(value, "lists")),
    legacyOnlyAt: typeof value.legacyOnlyAt === "number" ? value.legacyOnlyAt : undefined,
  };
}

function objectsIn(value: JsonObject | undefined): Readonly<Record<string, JsonObject>> {
  return Object.fromEntries(
    Object.entries(value ?? {}).flatMap(([key, field]) => (isObject(field) ? [[key, field] as const] : [])),
  );
}

/** Removes what is older than a month, and what a killed writer left behind. */
async function sweep(directory: string): Promise<void> {
  const { readdir, rm, stat } = await import("node:fs/promises");
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > maxAgeMs) await rm(path, { force: true });
  }
}
