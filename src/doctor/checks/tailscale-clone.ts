import { statSync } from "node:fs";
import { machineName } from "../../core/machine.ts";
import { readRecord } from "../../core/record.ts";
import { argumentsOfProcesses } from "../../process/identity.ts";
import { machineCheck, type Outcome } from "../check.ts";
import type { MachineContext } from "../context.ts";
import { daemonAnswer } from "../facts/node-status.ts";

interface CloneFinding {
  /** Where this machine's tailscaled keeps its state, as far as its arguments tell. */
  readonly stateDir: string | undefined;
  /** Daemons of this user that keep theirs in the same place. */
  readonly daemons: readonly number[];
  readonly machine: string;
}

export const tailscaleClone = machineCheck<CloneFinding>({
  id: "tailscale.clone",
  group: "tailscale",
  title: "the node's identity is this machine's alone",
  needs: ["tailscale.state"],
  timeoutMs: 15_000,
  source: "https://github.com/tailscale/tailscale/issues/14389",
  explain: {
    proves:
      "tailscaled's state was not made by another boot or machine, and no second daemon uses it. Two machines with one state take each other's connections away. A memory snapshot cannot be told apart.",
    breaks:
      "A disk snapshot with a node's state in it, a state directory of an earlier boot, a daemon that was started twice.",
    mend: 'Run "tsmcp down" and "tsmcp up", which keeps the state where a snapshot does not; end the second daemon.',
  },
  gather: findState,
  judge: judgeClone,
});

export function judgeClone({ stateDir, daemons, machine }: CloneFinding): Outcome {
  if (stateDir === undefined)
    return { status: "skip", message: "where tailscaled keeps its state cannot be seen from here" };
  const facts = { stateDir, daemons: [...daemons] };
  if (daemons.length > 1) {
    return {
      status: "fail",
      message: `${daemons.length} daemons (processes ${daemons.join(", ")}) run on the state in ${stateDir}`,
      facts,
      hint: `end all but one: kill ${daemons.slice(1).join(" ")}`,
    };
  }
  const maker = makerOf(stateDir);
  if (maker !== undefined && maker !== machine) {
    return {
      status: "fail",
      message: `tailscaled runs on the state of another boot or machine: ${stateDir}`,
      facts: { ...facts, maker, machine },
      hint: 'stop that daemon and run "tsmcp up", which makes a node of this machine\'s own',
    };
  }
  return { status: "pass", message: maker === undefined ? `state in ${stateDir}` : "the state is of this boot", facts };
}

/** `up` names its directories for the boot and the container. */
function makerOf(path: string): string | undefined {
  return path.split("/").find((name) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9a-f]{8}$/.test(name));
}

async function findState(context: MachineContext): Promise<CloneFinding> {
  const daemon = await daemonAnswer(context);
  const daemons = argumentsOfProcesses((argv) => argv.some((argument) => /(^|\/)tailscaled$/.test(argument)));
  const own = daemons.find(({ argv }) => optionOf(argv, "socket") === daemon.socket);
  const stateDir = own === undefined ? readRecord({ env: context.world.env })?.stateDir : stateOf(own.argv);
  const same = daemons.filter(({ argv }) => stateDir !== undefined && isSamePlace(stateOf(argv), stateDir));
  return { stateDir, daemons: same.map(({ pid }) => pid), machine: machineName() };
}

/** The last one counts, as in Go's flag package. */
function optionOf(argv: readonly string[], name: string): string | undefined {
  return argv
    .flatMap((argument, at) => {
      const match = new RegExp(`^--?${name}(?:=(.*))?$`).exec(argument);
      return match === null ? [] : [match[1] ?? argv[at + 1] ?? ""];
    })
    .at(-1);
}

function stateOf(argv: readonly string[]): string | undefined {
  return optionOf(argv, "statedir") ?? optionOf(argv, "state");
}

function isSamePlace(one: string | undefined, other: string): boolean {
  if (one === undefined || one.startsWith("mem:")) return false;
  const [left, right] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (left === undefined || right === undefined) return one === other;
  return left.ino === right.ino && left.dev === right.dev;
}
