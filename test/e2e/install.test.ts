import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { releaseArchitecture } from "../../src/tailscale/release.ts";
import { archiveOf, type Mirror, sha256, startMirror } from "../fakes/mirror.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { binDir, filesBelow, type Outcome, startProgram, tsmcp } from "./tsmcp.ts";

const version = "1.102.5";
const architecture = releaseArchitecture(arch()) ?? "";
const name = `tailscale_${version}_${architecture}.tgz`;
const script = `#!/bin/sh\necho ${version}\n`;
// What does not compress makes an archive that comes in more than one piece.
const noise = Array.from({ length: 40_000 }, (_, index) => sha256(Buffer.from(String(index)))).join("\n");
const programs = { tailscale: script, tailscaled: `${script}exit\n${noise}` };
const archive = archiveOf(`tailscale_${version}_${architecture}`, programs);

interface Place {
  readonly home: string;
  readonly bin: string;
  readonly install: (args?: readonly string[], extra?: Readonly<Record<string, string>>) => Promise<Outcome>;
}

/** A machine without tailscale: PATH has Node and a shell. */
function place(mirror: string): Place {
  const home = temporaryDirectory();
  const path = join(home, "path");
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, "node"));
  symlinkSync("/bin/sh", join(path, "sh"));
  const env = { HOME: home, PATH: path, TSMCP_MIRROR: mirror };
  return {
    home,
    bin: join(home, ".local/bin"),
    install: (args = [], extra = {}) => tsmcp(["install", ...args], { env: { ...env, ...extra }, workspace: home }),
  };
}

/** What install left in the home, beside PATH. */
const leftIn = (home: string): string[] => filesBelow(home).filter((file) => !file.startsWith("path/"));

async function mirrorWith(...args: Parameters<Mirror["put"]> extends [string, ...infer Rest] ? Rest : never) {
  const mirror = await startMirror(version);
  mirror.put(name, ...args);
  return mirror;
}

test("install gets the newest archive, prints the line that pins it, and needs no network the next time", async () => {
  const { home, bin, install } = place("http://127.0.0.1:9");
  let asked: readonly string[] = [];
  {
    await using mirror = await mirrorWith({ bytes: archive });
    const first = await install([], { TSMCP_MIRROR: mirror.url });
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toBe(
      `tailscale ${version} is now in ${bin} (from the archive)\n` +
        `pin it: tsmcp install --tailscale-version ${version} --sha256 ${sha256(archive)}\n`,
    );
    asked = [...mirror.asked];
  }
  expect(asked).toEqual(["GET /?mode=json", `GET /${name}.sha256`, `GET /${name}`]);
  expect(readFileSync(join(bin, "tailscaled"), "utf8")).toBe(programs.tailscaled);
  expect(statSync(join(bin, "tailscale")).mode & 0o777).toBe(0o755);
  expect(readdirSync(bin).sort()).toEqual(["tailscale", "tailscaled"]);

  const again = await install();
  expect(again).toMatchObject({ exitCode: 0, stdout: `tailscale ${version} is in ${bin} (is there already)\n` });
  const elsewhere = await install(["--dir", "opt", "--json"]);
  expect(elsewhere).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`${version} was kept from before`) });
  expect(JSON.parse(elsewhere.stdout)).toEqual({
    tailscale: join(home, "opt/tailscale"),
    tailscaled: join(home, "opt/tailscaled"),
    version,
    source: "cache",
    sha256: sha256(archive),
    changed: true,
    pin: `tsmcp install --tailscale-version ${version} --sha256 ${sha256(archive)}`,
  });
});

const wrong = "00".repeat(32);
test.each([
  ["its publisher's checksum is another", { bytes: archive }, wrong, [], `and its publisher says ${wrong}`],
  ["the pin is another", { bytes: archive }, undefined, ["--sha256", wrong], `and the pin says ${wrong}`],
  [
    "the pin is right and its publisher's checksum another",
    { bytes: archive },
    wrong,
    ["--sha256", sha256(archive)],
    `and its publisher says ${wrong}`,
  ],
  ["its publisher tells no checksum", { bytes: archive }, null, [], `${name}.sha256: it answers 404`],
  [
    "the connection breaks, always at the same place",
    { bytes: archive, cutAfter: 0 },
    undefined,
    [],
    "could not be got",
  ],
  [
    "the mirror knows no ranges and the connection breaks",
    { bytes: archive, cutAfter: 1_000, knowsRanges: false },
    undefined,
    [],
    "could not be got",
  ],
  ["it was cut before its checksum was taken", { bytes: archive.subarray(0, 90_000) }, undefined, [], "cannot be used"],
  ["it is no archive", { bytes: Buffer.from("<html>") }, undefined, [], "cannot be used"],
  [
    "it does not hold both programs",
    { bytes: archiveOf("top", { tailscale: script }) },
    undefined,
    [],
    "it does not hold tailscaled",
  ],
] as const)("install refuses the archive and keeps nothing when %s", async (_title, file, sum, args, message) => {
  await using mirror = await mirrorWith(file, sum);
  const { home, install } = place(mirror.url);
  const outcome = await install(args);
  expect({ exitCode: outcome.exitCode, stderr: outcome.stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(message),
  });
  expect(leftIn(home)).toEqual([]);
});

test("install takes an archive whose pin is right from a mirror without checksums", async () => {
  await using mirror = await mirrorWith({ bytes: archive }, null);
  const { bin, install } = place(mirror.url);
  const outcome = await install(["--tailscale-version", version, "--sha256", `${wrong},${sha256(archive)}`]);
  expect(outcome).toMatchObject({
    exitCode: 0,
    stdout: `tailscale ${version} is now in ${bin} (from the archive)\n`,
  });
});

test("install goes on where a connection broke", async () => {
  await using mirror = await mirrorWith({ bytes: archive, cutAfter: 400_000 });
  const { bin, install } = place(mirror.url);
  expect(await install(["--tailscale-version", version])).toMatchObject({ exitCode: 0 });
  expect(readFileSync(join(bin, "tailscaled"), "utf8")).toBe(programs.tailscaled);
  expect(mirror.asked.slice(1)).toEqual([
    `GET /${name}`,
    `GET /${name} bytes=400000-`,
    ...(archive.length > 800_000 ? [`GET /${name} bytes=800000-`] : []),
    ...(archive.length > 1_200_000 ? [`GET /${name} bytes=1200000-`] : []),
  ]);
});

test("install goes on with what one that was killed had got, and begins anew when that is of another file", async () => {
  await using mirror = await mirrorWith({ bytes: archive, stallAfter: 300_000 });
  const { home, bin, install } = place(mirror.url);
  const part = async (): Promise<void> => {
    const args = [join(binDir, "tsmcp"), "install", "--tailscale-version", version, "--mirror", mirror.url];
    const child = spawn(process.execPath, args, { env: { HOME: home, PATH: join(home, "path") }, stdio: "ignore" });
    const cache = join(home, ".cache/tsmcp/tailscale");
    const sizes = (): number[] =>
      existsSync(cache) ? readdirSync(cache).map((file) => statSync(join(cache, file)).size) : [];
    await expect.poll(sizes, { timeout: 30_000, interval: 5 }).toEqual([300_000]);
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  await part();
  mirror.put(name, { bytes: archive });
  expect(await install(["--tailscale-version", version])).toMatchObject({ exitCode: 0 });
  expect(mirror.asked.at(-1)).toBe(`GET /${name} bytes=300000-`);
  expect(readdirSync(join(home, ".cache/tsmcp/tailscale")).sort()).toEqual([name, `${name}.sha256`]);

  for (const file of readdirSync(join(home, ".cache/tsmcp/tailscale"))) {
    writeFileSync(join(home, ".cache/tsmcp/tailscale", file), "rotten");
  }
  rmSync(bin, { recursive: true });
  mirror.put(name, { bytes: Buffer.alloc(archive.length, 1), stallAfter: 300_000 });
  await part();
  mirror.put(name, { bytes: archive });
  expect(await install(["--dir", "other", "--tailscale-version", version])).toMatchObject({ exitCode: 0 });
  expect(mirror.asked.slice(-2)).toEqual([`GET /${name} bytes=300000-`, `GET /${name}`]);
  expect(readFileSync(join(home, "other/tailscaled"), "utf8")).toBe(programs.tailscaled);
});

test("install keeps what is on PATH, and gets another version where one is asked for", async () => {
  await using mirror = await mirrorWith({ bytes: archive });
  const { home, bin, install } = place(mirror.url);
  for (const file of ["tailscale", "tailscaled"]) {
    writeFileSync(join(home, "path", file), "#!/bin/sh\necho 1.90.0-t0123\necho more\n", { mode: 0o755 });
  }
  expect(await install()).toMatchObject({
    exitCode: 0,
    stdout: `tailscale 1.90.0-t0123 is in ${join(home, "path")} (is there already)\n`,
  });
  expect(await install(["--tailscale-version", "1.90.0"])).toMatchObject({ exitCode: 0 });
  expect(mirror.asked).toEqual([]);
  const other = await install(["--tailscale-version", version]);
  expect(other).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`is now in ${bin}`) });
  expect(other.stderr).toContain(`is 1.90.0-t0123, not ${version}`);
});

test("install builds with Go when no mirror can be reached, and not where a pin was given", async () => {
  const { home, bin, install } = place("http://127.0.0.1:9");
  const go = `#!/bin/sh\necho "$@" "$GOPROXY" "$TS_AUTHKEY" > ${home}/path/asked
for program in tailscale tailscaled; do echo '${script}' > $GOBIN/$program; chmod 755 $GOBIN/$program; done 2>&1\n`;
  writeFileSync(join(home, "path/go"), go.replaceAll("chmod", "/bin/chmod"), { mode: 0o755 });
  const env = { GOPROXY: "https://proxy.test", TS_AUTHKEY: "tskey-auth-unused" };
  const pinned = await install(["--tailscale-version", version, "--sha256", wrong], env);
  expect(pinned).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("could not be got: ") });
  const built = await install(["--tailscale-version", version], env);
  expect({ exitCode: built.exitCode, stderr: built.stderr }).toMatchObject({ exitCode: 0 });
  expect(built.stdout).toBe(`tailscale ${version} is now in ${bin} (built by go)\n`);
  expect(readFileSync(join(home, "path/asked"), "utf8")).toBe(
    `install tailscale.com/cmd/tailscale@v${version} tailscale.com/cmd/tailscaled@v${version} https://proxy.test \n`,
  );
});

test.each([
  [["--mirror", "http://mirror.example.com/"], "can be played by anybody between here and there"],
  [["--mirror", "ftp://x"], "is not a URL"],
  [["--sha256", "0123"], "is not a SHA-256 checksum"],
  [["--tailscale-version", "../../x"], "is not a version"],
])("install refuses %j before anything is done", async (args, message) => {
  const { home, install } = place("http://127.0.0.1:9");
  const outcome = await install(args);
  expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
  expect(leftIn(home)).toEqual([]);
});

/** A stand-in for a distribution that has the package; nothing leaves the machine, whatever is tried. */
function distribution(): Place {
  const there = place("");
  const path = join(there.home, "path");
  const scripts = {
    "apt-cache": "echo 'Version: 1.98.4-1'",
    "apt-get": `for name in tailscale tailscaled; do printf '#!/bin/sh\\necho 1.98.4\\n' > '${path}'/$name; /bin/chmod 755 '${path}'/$name; done`,
  };
  for (const [program, text] of Object.entries(scripts)) {
    writeFileSync(join(path, program), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return there;
}

const isRoot = process.getuid?.() === 0;
const nowhere = { HTTPS_PROXY: "http://127.0.0.1:9" };

test.runIf(isRoot && !existsSync("/run/systemd/system"))(
  "install takes the distribution's package as root, and keeps it the next time",
  async () => {
    const { home, install } = distribution();
    const path = join(home, "path");
    const first = await install([], nowhere);
    expect(first).toMatchObject({
      exitCode: 0,
      stdout: `tailscale 1.98.4 is now in ${path} (the distribution's package)\n`,
    });
    expect(first.stderr).toBe(
      `tsmcp: installing the distribution's tailscale 1.98.4-1 with ${join(path, "apt-get")}\n`,
    );
    expect((await install([], nowhere)).stdout).toBe(`tailscale 1.98.4 is in ${path} (is there already)\n`);
    expect(leftIn(home)).toEqual([]);
  },
);

test.runIf(isRoot)("install leaves the distribution's package alone where it would start a service", async () => {
  const { home } = distribution();
  const script = 'mount -t tmpfs none /run; mkdir -p /run/systemd/system; exec "$@"';
  const argv = ["-m", "sh", "-c", script, "sh", process.execPath, join(binDir, "tsmcp"), "install"];
  const env = { HOME: home, PATH: join(home, "path"), ...nowhere };
  const { exitCode, stdout, stderr } = await startProgram("/usr/bin/unshare", argv, {
    env: { ...env, PATH: `${env.PATH}:/usr/bin:/bin` },
    workspace: home,
  }).outcome;
  expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 1, stdout: "" });
  expect(existsSync(join(home, "path/tailscale"))).toBe(false);
});
