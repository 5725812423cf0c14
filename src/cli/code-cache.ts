import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { Script } from "node:vm";

export interface Loaded {
  readonly exports: Readonly<Record<string, unknown>>;
  /** Keeps the code of what has run so far, where there is none yet: soon, or when the process ends. */
  readonly keepCode: () => void;
}

/** Not while somebody waits for the first answers, and before V8 forgets what ran but once. */
const writeAfterMs = 1_500;

/**
 * Returns what the CommonJS bundle `file` exports; it may require only what Node has itself. V8's code for it is kept in
 * `$HOME/.cache/tsmcp` and taken from there the next time: compiling costs a start more than loading does, and
 * Node's own cache (module.enableCompileCache) is missing in Node.js 20 and lies where others may write.
 * Hazard: V8 believes such code. It is read only where nobody but this user (or root) can have written it, and for the
 * very file that it was made from. Without a home directory of ours the bundle is compiled each time.
 */
export function loadWithCache(file: string, home: string | undefined): Loaded {
  const source = readFileSync(file, "utf8");
  const place = placeOf(file, home);
  const cachedData = place && readCode(place);
  const wrapped = `(function (exports, require) { ${source}\n})`;
  const script = new Script(wrapped, { filename: file, ...(cachedData === undefined ? {} : { cachedData }) });
  const exports: Record<string, unknown> = {};
  script.runInThisContext()(exports, (name: string) => process.getBuiltinModule(name));
  const isKept = cachedData !== undefined && script.cachedDataRejected !== true;
  return { exports, keepCode: () => (isKept || place === undefined ? undefined : writeLater(script, place)) };
}

interface Place {
  readonly directory: string;
  readonly path: string;
  /** Which file the code belongs to; written before it. */
  readonly key: Buffer;
}

/** Undefined where HOME is nobody's to trust: under `sudo -E` root keeps the user's. */
function placeOf(file: string, home: string | undefined): Place | undefined {
  try {
    if (home === undefined || !isAbsolute(home) || !isOwnOrRoots(statSync(home))) return undefined;
    const directory = join(home, ".cache/tsmcp");
    // Not the content, which would have to be read twice: a file that is replaced or written gets another change time.
    const { dev, ino, size, ctimeMs } = statSync(file);
    const key = Buffer.from(`tsmcp code of ${dev} ${ino} ${size} ${ctimeMs} ${process.version}\n`);
    return { directory, path: join(directory, `bridge-${process.version}-${process.arch}.code`), key };
  } catch {
    return undefined;
  }
}

function readCode({ directory, path, key }: Place): Buffer | undefined {
  try {
    if (!isSafe(lstatSync(directory), "directory")) return undefined;
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!isSafe(fstatSync(descriptor), "file")) return undefined;
      return codeIn(readFileSync(descriptor), key);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Missing, or not to be read.
    return undefined;
  }
}

/** The code stands there twice: V8 does not see a flipped bit, and nothing that could sum it up loads as fast as it compares. */
function codeIn(bytes: Buffer, key: Buffer): Buffer | undefined {
  const middle = (key.length + bytes.length) / 2;
  const [first, second] = [bytes.subarray(key.length, middle), bytes.subarray(middle)];
  return bytes.subarray(0, key.length).equals(key) && first.equals(second) ? first : undefined;
}

function writeLater(script: Script, place: Place): void {
  const write = (): void => {
    clearTimeout(timer);
    process.off("exit", write);
    writeCode(script, place);
  };
  const timer = setTimeout(write, writeAfterMs).unref();
  process.once("exit", write);
}

function writeCode(script: Script, { directory, path, key }: Place): void {
  const draft = `${path}.${process.pid}.new`;
  try {
    // Not "recursive", which never returns where the home directory can hold nothing, as /proc (Node 20.20).
    for (const one of [dirname(directory), directory]) if (!existsSync(one)) mkdirSync(one, { mode: 0o700 });
    if (!isSafe(lstatSync(directory), "directory")) return;
    rmSync(draft, { force: true });
    try {
      // Several bridges may write at once; each has a file of its own until it is whole.
      const code = script.createCachedData();
      writeFileSync(draft, Buffer.concat([key, code, code]), { mode: 0o600, flag: "wx" });
      renameSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
  } catch {
    // A home that cannot be written: compiled again the next time.
  }
}

/** Ours, and nobody else may write it. */
function isSafe(stat: Stats, kind: "directory" | "file"): boolean {
  const isKind = kind === "directory" ? stat.isDirectory() : stat.isFile();
  return isKind && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}

function isOwnOrRoots({ uid }: Stats): boolean {
  return uid === 0 || uid === process.getuid?.();
}
