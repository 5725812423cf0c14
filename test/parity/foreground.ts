import { isThereSince } from "./compared-version.ts";
import type { ParityProgram, ParityWorld } from "./world.ts";

/** What is done with `tailscale serve` in the foreground, in this order; after each step what is served is compared. */
export interface ForegroundStep {
  readonly title: string;
  /** A program that stays, and is known by this name from then on; or one that is run to its end. */
  readonly start?: { readonly name: string; readonly args: readonly string[] };
  readonly run?: readonly string[];
  /** Of one that stays: it is told to end, or ends by itself after what was run. */
  readonly end?: { readonly name: string; readonly signal?: NodeJS.Signals };
}

const ran = (...run: string[]): ForegroundStep => ({ title: `tailscale ${run.join(" ")}`, run });
const started = (name: string, ...args: string[]): ForegroundStep => ({
  title: `tailscale ${args.join(" ")} stays`,
  start: { name, args },
});
const ended = (name: string, signal: NodeJS.Signals): ForegroundStep => ({
  title: `${name} gets ${signal}`,
  end: { name, signal },
});

export const foregroundSteps: readonly ForegroundStep[] = [
  ran("serve", "reset"),
  started(
    "first",
    ...["serve", "--yes", "--https=8443", "--set-path=/a"],
    ...(isThereSince("1.92") ? ["--accept-app-caps=example.com/cap/mcp"] : []),
    "3000",
  ),
  ran("serve", "status"),
  ran("serve", "--bg", "--yes", "--https=8443", "3001"),
  ran("serve", "--bg", "--yes", "--https=8443", "--set-path=/b", "3001"),
  ran("funnel", "--bg", "--yes", "--https=8443", "3001"),
  ran("serve", "--yes", "--https=8443", "--set-path=/b", "3001"),
  ran("serve", "--yes", "--https=8443", "--set-path=/a", "off"),
  ran("serve", "--yes", "--https=8443", "off"),
  ran("serve", "--bg", "--yes", "--https=9443", "3001"),
  ran("serve", "status"),
  ran("serve", "--yes", "--https=9443", "--set-path=/b", "3000"),
  ran("funnel", "--yes", "--https=9443", "3000"),
  started("second", "funnel", "--yes", "--https=443", "http://127.0.0.1:3000/public"),
  ran("serve", "status"),
  ran("funnel", "status"),
  ended("first", "SIGINT"),
  ended("second", "SIGTERM"),
  started("third", "funnel", "--yes", "--bg=false", "3000"),
  ended("third", "SIGKILL"),
  started("fourth", "serve", "--yes", "3000"),
  ended("fourth", "SIGHUP"),
  started("fifth", "serve", "--yes", "3000"),
  { title: "tailscale serve reset ends what runs", run: ["serve", "reset"], end: { name: "fifth" } },
  ran("serve"),
  ran("serve", "3000", "3001"),
  ran("serve", "3000", "3001", "3002"),
  ran("serve", "off"),
  ran("serve", "--bg", "--https=70000", "3000"),
  ran("serve", "--bg", "--https=abc", "3000"),
  ran("serve", "--bg", "--set-path=/a/../b", "3000"),
  ran("serve", "--bg", "--accept-app-caps=nothing", "3000"),
  ran("serve", "--bg", "ftp://x"),
];

/** Does all that, and returns what could be seen after each step, by its place. */
export async function walkForeground(world: ParityWorld): Promise<readonly unknown[]> {
  const programs = new Map<string, ParityProgram>();
  const seen: unknown[] = [];
  try {
    for (const step of foregroundSteps) seen.push(await take(step, world, programs));
    return seen;
  } finally {
    for (const program of programs.values()) program.kill("SIGKILL");
  }
}

async function take(
  { start, run, end }: ForegroundStep,
  world: ParityWorld,
  programs: Map<string, ParityProgram>,
): Promise<unknown> {
  if (start !== undefined) {
    const program = world.startOnServer(start.args);
    programs.set(start.name, program);
    await program.says("Press Ctrl+C to exit.\n");
  }
  const done = run && (await world.onServer(run));
  const program = end && programs.get(end.name);
  if (end?.signal !== undefined) program?.kill(end.signal);
  const over = await program?.ended;
  if (end?.signal !== undefined) await untilLess(world, programs.size);
  if (end !== undefined) programs.delete(end.name);
  return { ran: done && plain(world, done), ended: over && plain(world, over), serves: await served(world) };
}

/** A program is gone a moment before its session is. */
async function untilLess(world: ParityWorld, sessions: number): Promise<void> {
  const limit = performance.now() + 10_000;
  for (;;) {
    const { Foreground = {} }: { Foreground?: object } = JSON.parse((await world.askServer("serve-config")).body) ?? {};
    if (Object.keys(Foreground).length < sessions) return;
    if (performance.now() > limit) throw new Error(`${sessions} sessions are left in the foreground`);
  }
}

/** The sessions' names are drawn; they have one form, and no order. */
async function served(world: ParityWorld): Promise<unknown> {
  const { stdout } = await world.onServer(["serve", "status", "--json"]);
  const { Foreground, ...rest }: { Foreground?: Record<string, object> } = JSON.parse(world.normalised(stdout));
  if (Foreground === undefined) return rest;
  const forms = Object.keys(Foreground).map((session) => session.replaceAll(/[0-9a-f]/g, "x"));
  const parts = Object.values(Foreground).toSorted((one, other) =>
    JSON.stringify(one) < JSON.stringify(other) ? -1 : 1,
  );
  return { ...rest, Foreground: { forms, parts } };
}

interface Said {
  readonly exitCode: number | null;
  readonly signal?: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Usage is not imitated. */
function plain(world: ParityWorld, { exitCode, signal = null, stdout, stderr }: Said): Said {
  const firstLines = world
    .normalised(stderr)
    .replace(/^Serve content and local servers on your tailnet\n[\s\S]*/m, "")
    .replace(/^USAGE\n[\s\S]*/m, "");
  return { exitCode, signal, stdout: world.normalised(stdout), stderr: firstLines };
}
