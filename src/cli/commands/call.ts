import { type Command, Option } from "commander";
import { TsmcpError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { McpClient } from "../../mcp/client.ts";
import { type JsonObject, stringAt } from "../../mcp/json.ts";
import { createCommand, type Session } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { type ServerOptions, serverOptions, serverOwnVariables } from "../server-options.ts";

interface CallOptions extends ServerOptions {
  readonly output?: string;
}

export function callCommand(session: Session): Command {
  return createCommand<CallOptions>({
    session,
    name: "call",
    summary: "call one tool of a server on the tailnet",
    description:
      "Checks the arguments against the tool's schema, calls it, and prints the result: as text to a terminal, as JSON to\n" +
      "a pipe. Exit 1: the tool answered an error; 2: no such tool, or arguments that it would refuse.",
    examples: [
      `tsmcp call search '{"q":"x"}'`,
      "tsmcp call search @arguments.json --server notes --timeout 30s",
      "tsmcp call screenshot --output page.png",
      "jq -n '{q: $ENV.QUERY}' | tsmcp call search - | jq .structuredContent",
    ],
    arguments: [
      ["<tool>", "the tool's name"],
      ["[arguments]", "a JSON object, @FILE, or - for stdin (default: no arguments)"],
    ],
    options: [
      ...serverOptions(),
      new Option(
        "--output <file>",
        "write images, sound and other binaries here, or the text where there are none; - is stdout",
      ),
    ],
    ownVariables: serverOwnVariables,
    run: runCall,
  });
}

async function runCall(context: CommandContext, options: CallOptions, args: readonly string[]): Promise<number> {
  const [tool = "", word] = args;
  const [
    { readCallArguments },
    { nameServer, withServer },
    { timeLimit },
    { callProgress },
    { printResult, assertOutput },
  ] = await Promise.all([
    import("../call-input.ts"),
    import("../server-client.ts"),
    import("../time-limit.ts"),
    import("../call-progress.ts"),
    import("../call-result.ts"),
  ]);
  assertOutput(options.output, context);
  const given = await readCallArguments(word, { cwd: context.cwd, stdin: process.stdin });
  const server = await nameServer(options.server, context);
  const limit = timeLimit(options.timeout, { signal: context.signal, what: `the call of ${JSON.stringify(tool)}` });
  const progress = callProgress(tool, context);
  const result = await withServer(server, context, {
    proxy: options.proxy,
    headers: options.header,
    signal: limit.signal,
    work: async (client) => {
      await assertCallable(client, tool, given, context);
      try {
        return await client.callTool({
          name: tool,
          arguments: given,
          progressToken: 1,
          timeoutMs: Number.POSITIVE_INFINITY,
          onMessage: (message) => progress.take(message),
        });
      } finally {
        progress.end();
      }
    },
  }).finally(() => limit.stop());
  return printResult(result, { tool, output: options.output, context });
}

/** Throws `tool-unknown` with the nearest name, and `tool-arguments-invalid` with everything that does not fit. */
async function assertCallable(
  client: McpClient,
  name: string,
  given: JsonObject,
  { log }: CommandContext,
): Promise<void> {
  const tools = await client.listTools();
  const tool = tools.find((one) => one.name === name);
  if (tool === undefined)
    throw unknownTool(
      name,
      tools.flatMap((one) => stringAt(one, "name") ?? []),
    );
  const { judgeArguments } = await import("../../mcp/tool-arguments.ts");
  const { problems, doubts } = judgeArguments(tool.inputSchema, given);
  for (const doubt of doubts) log.warn(doubt);
  if (problems.length === 0) return;
  throw new TsmcpError({
    code: "tool-arguments-invalid",
    message: `the arguments of ${JSON.stringify(name)} do not fit: ${problems.join("; ")}`,
    hint: `see its schema: tsmcp tools --json | jq '.tools[] | select(.name == ${JSON.stringify(name)}).inputSchema'`,
    facts: { tool: name, problems },
  });
}

function unknownTool(name: string, names: readonly string[]): TsmcpError {
  const guess = nearest(name, names);
  return new TsmcpError({
    code: "tool-unknown",
    message: `the server has no tool ${JSON.stringify(name)}`,
    hint: guess === undefined ? 'see what it has with "tsmcp tools"' : `did you mean ${JSON.stringify(guess)}?`,
    facts: { tools: names },
  });
}
