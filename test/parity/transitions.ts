import type { ParityDaemon, ParityWorld } from "./world.ts";

/** What happens to a node, in this order; after each step state and output are compared. */
export interface Transition {
  readonly title: string;
  /** Arguments of `tailscale`; LOGIN stands for the login server, GOOD, WAITING and WRONG for files with keys. */
  readonly args?: readonly string[];
  readonly act?: (world: ParityWorld) => Promise<void>;
  /** The state to wait for, where the step only starts it. */
  readonly until?: string;
}

const login = ["--login-server=LOGIN", "--hostname=vm"];
const otherLogin = ["--login-server=LOGIN", "--hostname=vm2"];
/** For what would wait for ever. */
const atLast = "--timeout=3s";
const goodKey = "--auth-key=file:GOOD";
const waitingKey = "--auth-key=file:WAITING";
const wrongKey = "--auth-key=file:WRONG";

export const transitions: readonly Transition[] = [
  { title: "status of a node that never logged in", args: ["status"] },
  { title: "ip of a node that never logged in", args: ["ip"] },
  { title: "down of a node that never logged in", args: ["down"] },
  { title: "logout of a node that never logged in", args: ["logout"] },
  { title: "up with a wrong key", args: ["up", ...login, wrongKey] },
  { title: "status after a wrong key", args: ["status"] },
  { title: "up with a file that is missing", args: ["up", "--reset", ...login, "--auth-key=file:/nonexistent"] },
  { title: "up with a name that is none", args: ["up", "--reset", "--hostname=a_b"] },
  { title: "up with a name that is too long", args: ["up", "--reset", `--hostname=${"a".repeat(64)}`] },
  { title: "up with a name that begins with a dash", args: ["up", "--reset", "--hostname=-a"] },
  { title: "up without a key", args: ["up", "--reset", ...login, atLast] },
  { title: "up with a key", args: ["up", "--reset", ...login, goodKey], until: "Running" },
  { title: "ip of a node that runs", args: ["ip", "-4"] },
  { title: "up of a node that runs", args: ["up"] },
  { title: "up with another name and nothing else said", args: ["up", "--hostname=other"] },
  {
    title: "up with another name and --reset",
    args: ["up", "--reset", "--login-server=LOGIN", "--hostname=vm", "--accept-routes"],
  },
  { title: "down", args: ["down"], until: "Stopped" },
  { title: "down again", args: ["down"] },
  { title: "status of a stopped node", args: ["status"] },
  { title: "ip of a stopped node", args: ["ip", "-4"] },
  { title: "up of a stopped node", args: ["up"], until: "Running" },
  { title: "logout", args: ["logout"], until: "NeedsLogin" },
  { title: "logout again", args: ["logout"] },
  { title: "status after logout", args: ["status"] },
];

/** Of another node: whoever was approved once stays so. */
export const approvals: readonly Transition[] = [
  {
    title: "up while approval is needed",
    act: (world) => world.requireApproval(true),
    args: ["up", "--reset", ...otherLogin, atLast, waitingKey],
    until: "NeedsMachineAuth",
  },
  { title: "status while approval is needed", args: ["status"] },
  {
    title: "approval",
    act: async (world) => {
      await world.approve("vm2");
      await world.requireApproval(false);
    },
    until: "Running",
  },
  { title: "expiry", act: (world) => world.expire("vm2"), until: "NeedsLogin" },
  { title: "status after expiry", args: ["status"] },
  { title: "up after expiry", args: ["up", "--reset", ...otherLogin, goodKey], until: "Running" },
  { title: "an unknown subcommand's flag", args: ["status", "--nonsense"] },
];

/** Brings a daemon through all transitions and returns what could be seen after each. */
export async function walk(
  world: ParityWorld,
  daemon: ParityDaemon,
  steps: readonly Transition[],
): Promise<Map<string, unknown>> {
  const seen = new Map<string, unknown>();
  for (const { title, args, act, until } of steps) {
    await act?.(world);
    const words = args?.map((arg) => arg.replace(/(GOOD|WAITING|WRONG)$/, (word) => world.keyFile(keyKind(word))));
    const done = words && (await daemon.tailscale(words));
    const output = done && {
      exitCode: done.exitCode,
      stdout: firstLines(world.normalised(done.stdout)),
      stderr: firstLines(world.normalised(done.stderr)),
    };
    seen.set(title, { output, node: await settled(daemon, until) });
  }
  return seen;
}

function keyKind(word: string): "good" | "waiting" | "wrong" {
  return word === "GOOD" ? "good" : word === "WAITING" ? "waiting" : "wrong";
}

/** Returns what tsmcp reads of the node, once it is in the state. */
async function settled(daemon: ParityDaemon, state: string | undefined): Promise<unknown> {
  const limit = performance.now() + 60_000;
  for (;;) {
    const status: Status = JSON.parse((await daemon.localApi("status?peers=false")).body);
    const isThere = status.BackendState === state && (state !== "Running" || status.Self.Online === true);
    if (performance.now() > limit) throw new Error(`waited 60 s for ${state}, and it is ${JSON.stringify(status)}`);
    if (state === undefined || isThere) {
      const prefs: Prefs = JSON.parse((await daemon.localApi("prefs")).body);
      return { ...statusOf(status), ...prefsOf(prefs) };
    }
  }
}

interface Status {
  readonly BackendState: string;
  readonly Health: readonly string[];
  readonly Self: Readonly<Record<string, unknown>> & { readonly PeerAPIURL?: readonly string[] | null };
  readonly MagicDNSSuffix: string;
  readonly CurrentTailnet: object | null;
}

interface Prefs {
  readonly ControlURL: string;
  readonly WantRunning: boolean;
  readonly Hostname: string;
  readonly AdvertiseTags: readonly string[] | null;
  readonly RouteAll: boolean;
  readonly ShieldsUp: boolean;
}

function statusOf({ BackendState, Health, Self, MagicDNSSuffix, CurrentTailnet }: Status): object {
  return {
    BackendState,
    // In any order. "Starting" stands there for some seconds only, and the test tailnet's relay is its own affair.
    // "OS base config": so older versions, which warn of what the sandbox has not, the system's resolver.
    Health: Health.filter(
      (line) => !/relay server|^Tailscale is starting|getting OS base config is not supported/.test(line),
    ).toSorted(),
    hasSuffix: MagicDNSSuffix !== "",
    hasTailnet: CurrentTailnet !== null,
    hasPeerApi: (Self.PeerAPIURL?.length ?? 0) > 0,
    hasName: Self.DNSName !== "",
    hasAddress: Self.TailscaleIPs !== null,
    Tags: Self.Tags,
    Online: Self.Online,
    Expired: Self.Expired,
  };
}

function prefsOf({ ControlURL, WantRunning, Hostname, AdvertiseTags, RouteAll, ShieldsUp }: Prefs): object {
  return { hasLoginServer: ControlURL !== "", WantRunning, Hostname, AdvertiseTags, RouteAll, ShieldsUp };
}

/** Usage that follows a wrong flag is not imitated. Addresses are handed out in another order. */
function firstLines(text: string): string {
  return text
    .replace(/^(flag provided but not defined: .*\n)[\s\S]*/, "$1")
    .replaceAll(/\b100\.64\.\d+\.\d+\b/g, "<address>");
}
