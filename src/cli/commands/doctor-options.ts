import { Option } from "commander";
import { TsmcpError } from "../../core/errors.ts";
import { parseObject } from "../../core/json-object.ts";
import type { ToolCall } from "../../doctor/target.ts";
import { durationOption, repeatedOption } from "../command.ts";
import type { Expectations } from "../doctor-target.ts";

/** What the doctor's options hold after commander has read them. */
export interface DoctorOptions {
  readonly tailnetUrl?: string;
  readonly publicUrl?: string;
  readonly expectTools: readonly string[];
  readonly minTools?: number;
  readonly callTool?: string;
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly wait?: number;
  readonly strict?: boolean;
  readonly intrusive?: boolean;
  readonly listChecks?: boolean;
  readonly explain?: string;
  readonly vantage: "auto" | "tailnet" | "public";
  readonly connectTo: readonly string[];
  readonly publicDns?: string;
  readonly header: readonly string[];
  readonly authorized: readonly string[];
  readonly report: readonly string[];
  readonly updateLock?: boolean;
  readonly lock?: string;
}

export function doctorOptions(): Option[] {
  return [
    new Option("--tailnet-url <url>", "where the tailnet reaches the server"),
    new Option("--public-url <url>", 'where the internet would look for it, or "none"'),
    listOption("--expect-tools <names>", "tools that the tailnet must see; * stands for anything"),
    new Option("--min-tools <n>", "how many tools the tailnet must see at least").argParser(parseCount),
    new Option("--call-tool <name[=json]>", "call this one tool, on both sides"),
    listOption("--only <ids>", "run these checks and groups alone"),
    listOption("--skip <ids>", "leave these checks and groups out"),
    durationOption("--wait <time>", "try again for this long while something is still coming up"),
    new Option("--strict", "exit 1 on warnings too"),
    // It is refused, and says where it belongs.
    new Option("--intrusive", "in a sandbox only").hideHelp(),
    new Option("--list-checks", "list every check"),
    new Option("--explain <id>", "say what a check proves, what breaks it and how to mend it"),
    new Option("--vantage <side>", "look from both sides, or from one")
      .choices(["auto", "tailnet", "public"])
      .default("auto"),
    repeatedOption("--connect-to <host:port:addr:port>", "public side: dial this address instead, as in curl"),
    new Option("--public-dns <address|url>", "public side: ask this resolver"),
    repeatedOption("--header <k: v>", `tailnet side: add this header; \${env:NAME} stands for a variable`),
    repeatedOption("--authorized <host>", "this host is mine: attack it although its tailnet side does not answer"),
    repeatedOption(
      "--report <kind=file>",
      "write the result as junit, sarif, github, markdown or html too; may be repeated",
    ),
    new Option("--update-lock", "write what the servers are now into tsmcp.lock.json"),
    new Option("--lock <file>", "compare with this file (default: tsmcp.lock.json, found upwards)"),
  ];
}

/** Returns what the options expect of each server. */
export function expectationsOf({ expectTools, minTools, callTool }: DoctorOptions): Expectations {
  return {
    ...(expectTools.length > 0 ? { expectedTools: expectTools } : {}),
    minTools,
    call: callTool === undefined ? undefined : parseToolCall(callTool),
  };
}

function parseToolCall(text: string): ToolCall {
  const at = text.indexOf("=");
  if (at === -1) return { tool: text, arguments: {} };
  const given = parseObject(text.slice(at + 1));
  if (given !== undefined && at > 0) return { tool: text.slice(0, at), arguments: given };
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--call-tool: ${JSON.stringify(text)} is not NAME or NAME=JSON`,
    hint: `write the arguments as a JSON object: --call-tool 'search={"q":"x"}'`,
  });
}

/** Several values, separated by commas or by giving the option again. */
function listOption(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], "none")
    .argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      ...text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    ]);
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new TsmcpError({
    code: "usage-invalid",
    message: `--min-tools: ${JSON.stringify(text)} is not a number`,
    hint: "write a whole number, such as 1",
  });
}
