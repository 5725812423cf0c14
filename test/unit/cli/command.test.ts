import { Option } from "commander";
import { describe, expect, it } from "vitest";
import { createCommand, durationOption, repeatedOption, type Session } from "../../../src/cli/command.ts";
import type { CommandContext } from "../../../src/cli/context.ts";
import { createProgram } from "../../../src/cli/program.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { fakeTerminal } from "./fake-terminal.ts";

interface Seen {
  readonly context: CommandContext;
  readonly options: Record<string, unknown>;
  readonly args: readonly string[];
}

/** Runs `tsmcp ARGV` where the only command is `probe`, and returns what it was given. */
async function run(
  argv: readonly string[],
  env: Record<string, string> = {},
  terminal: Terminal = fakeTerminal(env),
): Promise<Seen> {
  const session: Session = { terminal, exitCode: 0, json: false };
  let seen: Seen | undefined;
  const probe = createCommand<Record<string, unknown>>({
    session,
    name: "probe",
    summary: "looks",
    description: "Looks.",
    examples: ["tsmcp probe"],
    arguments: [["[name...]", "what to look at"]],
    options: [
      durationOption("--timeout <time>", "how long to wait", "90s"),
      repeatedOption("--server <name=url>", "a server"),
      new Option("--no-verify", "do not look twice"),
      new Option("--proxy <address>", "the proxy").default("127.0.0.1:1055"),
    ],
    run: async (context, options, args) => {
      seen = { context, options, args };
      return 0;
    },
  });
  await createProgram(session, [probe]).parseAsync(argv, { from: "user" });
  if (seen === undefined) throw new Error("the command did not run");
  return seen;
}

describe("a command", () => {
  it("gets its defaults when nothing is said", async () => {
    const { options, context } = await run(["probe"]);
    expect(options).toMatchObject({ timeout: 90_000, server: [], verify: true, proxy: "127.0.0.1:1055" });
    expect(context).toMatchObject({ json: false, quiet: false, verbose: false, configFile: undefined });
  });

  it("reads an option from the environment when it is not typed", async () => {
    const env = { TSMCP_TIMEOUT: "5s", TSMCP_SERVER: "a=https://a,b=https://b", TSMCP_PROXY: "127.0.0.1:9" };
    const { options } = await run(["probe"], env);
    expect(options).toMatchObject({ timeout: 5_000, server: ["a=https://a", "b=https://b"], proxy: "127.0.0.1:9" });
  });

  it("prefers what is typed, before or after the command's name, to the environment", async () => {
    const env = { TSMCP_TIMEOUT: "5s", TSMCP_CONFIG: "/from/env" };
    expect((await run(["probe", "--timeout", "1s"], env)).options).toMatchObject({ timeout: 1_000 });
    expect((await run(["--config", "/typed", "probe"], env)).context.configFile).toBe("/typed");
    expect((await run(["probe", "--config", "/typed"], env)).context.configFile).toBe("/typed");
    expect((await run(["probe"], env)).context.configFile).toBe("/from/env");
  });

  it("reads flags from the environment as yes or no", async () => {
    expect((await run(["probe"], { TSMCP_JSON: "1" })).context.json).toBe(true);
    expect((await run(["probe"], { TSMCP_JSON: "no" })).context.json).toBe(false);
    expect((await run(["probe"], { TSMCP_NO_VERIFY: "1" })).options).toMatchObject({ verify: false });
    expect((await run(["probe"], { TSMCP_NO_VERIFY: "0" })).options).toMatchObject({ verify: true });
    await expect(run(["probe"], { TSMCP_JSON: "perhaps" })).rejects.toMatchObject({
      code: "usage-invalid",
      message: 'TSMCP_JSON: "perhaps" is neither yes nor no',
    });
  });

  it("counts an empty variable as unset", async () => {
    expect((await run(["probe"], { TSMCP_TIMEOUT: "", TSMCP_SERVER: "" })).options).toMatchObject({
      timeout: 90_000,
      server: [],
    });
  });

  it("collects repeated options and arguments in their order", async () => {
    const { options, args } = await run(["probe", "x", "--server", "a=1", "--server", "b=2,3", "y"]);
    expect(options).toMatchObject({ server: ["a=1", "b=2,3"] });
    expect(args).toEqual(["x", "y"]);
  });

  it("prints its result as text, or as JSON when that was asked for", async () => {
    expect(await resultOf(["probe"])).toBe("two tools\n");
    expect(JSON.parse(await resultOf(["probe", "--json"]))).toEqual({ tools: 2 });
  });
});

async function resultOf(argv: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  const { context } = await run(argv, {}, terminal);
  context.result({ tools: 2 }, "two tools\n");
  return terminal.out();
}
