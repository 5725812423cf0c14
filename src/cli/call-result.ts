import { TsmcpError } from "../core/errors.ts";
import { plainJson, plainLines } from "../core/plain-text.ts";
import type { JsonObject } from "../mcp/json.ts";
import type { CommandContext } from "./context.ts";
import { assertWritable, numberedPath, writeOutput } from "./output-file.ts";
import { writeAll } from "./process-terminal.ts";
import { type Content, contentsOf, withFiles } from "./tool-content.ts";

type Binary = Extract<Content, { kind: "binary" }>;

/** Throws `usage-invalid` for binary on a terminal, and `file-unwritable`, before the tool is called. */
export function assertOutput(output: string | undefined, context: CommandContext): void {
  if (output === "-" && context.outIsTerminal) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: "binary would go to the terminal",
      hint: "name a file with --output, or send stdout to one",
    });
  }
  if (output !== undefined && output !== "-") assertWritable(output, context.cwd);
}

/** Prints a tool's result, writes its binary parts to `output`, and returns the exit code. */
export function printResult(
  result: JsonObject,
  { tool, output, context }: { tool: string; output: string | undefined; context: CommandContext },
): 0 | 1 {
  const contents = contentsOf(result);
  const binaries = contents.filter((content) => content.kind === "binary");
  if (output === "-") {
    for (const bytes of partsFor(contents, binaries)) writeAll(1, bytes);
  } else {
    const files = output === undefined ? new Map<JsonObject, string>() : save({ contents, binaries, output, context });
    context.writeOut(
      context.outIsTerminal && !context.json
        ? plainLines(textOf(contents, { files, savedText: output !== undefined && binaries.length === 0 }))
        : `${plainJson(
            JSON.stringify(
              withFiles(result, (block) => files.get(block)),
              null,
              2,
            ),
          )}\n`,
    );
  }
  if (result.isError !== true) return 0;
  context.writeError(plainLines(`tsmcp: error: the tool ${JSON.stringify(tool)} answered an error\n`));
  return 1;
}

function save(request: {
  contents: readonly Content[];
  binaries: readonly Binary[];
  output: string;
  context: CommandContext;
}): ReadonlyMap<JsonObject, string> {
  const { contents, binaries, output, context } = request;
  partsFor(contents, binaries).forEach((bytes, index) => {
    const path = numberedPath(output, index);
    writeOutput(path, bytes, context.cwd);
    context.log.info(`wrote ${bytes.length} bytes to ${JSON.stringify(path)}`);
  });
  return new Map(binaries.map(({ block }, index) => [block, numberedPath(output, index)]));
}

/** What goes to `--output`: the binary parts, or all the text where there are none. */
function partsFor(contents: readonly Content[], binaries: readonly Binary[]): readonly Buffer[] {
  if (binaries.length > 0) return binaries.map(({ bytes }) => bytes);
  return [Buffer.from(textOf(contents, { files: new Map(), savedText: false }), "utf8")];
}

function textOf(
  contents: readonly Content[],
  { files, savedText }: { files: ReadonlyMap<JsonObject, string>; savedText: boolean },
): string {
  if (savedText) return "";
  const lines = contents.map((content) => {
    if (content.kind === "text") return content.text;
    const file = files.get(content.block);
    const where = file === undefined ? "not shown; save it with --output FILE" : `in ${file}`;
    return `[${content.mimeType}, ${content.bytes.length} bytes: ${where}]`;
  });
  return lines.map((line) => (line.endsWith("\n") ? line : `${line}\n`)).join("");
}
