import type { UpstreamConfig } from "../config/config.ts";
import { isServerName } from "../config/server.ts";
import { TsmcpError } from "../core/errors.ts";

/**
 * Returns what `--upstream NAME=URL`… and `--upstream NAME -- CMD…` name.
 * Throws `usage-invalid` for a bad name or URL, a name twice, and a program with no name or a name with no program.
 */
export function typedUpstreams(
  words: readonly string[],
  command: readonly string[],
): Readonly<Record<string, UpstreamConfig>> {
  const upstreams: Record<string, UpstreamConfig> = {};
  const [file, ...args] = command;
  const named = words.filter((word) => !word.includes("="));
  if (named.length > 1) throw usage(`--upstream ${named[1]}: only one of them can have the program after --`);
  if (file !== undefined && named.length === 0)
    throw usage(`${JSON.stringify(file)} after -- belongs to no --upstream`);
  for (const word of words) {
    const at = word.indexOf("=");
    const name = at === -1 ? word : word.slice(0, at);
    if (!isServerName(name)) throw usage(`--upstream ${JSON.stringify(word)}: ${JSON.stringify(name)} is no name`);
    if (Object.hasOwn(upstreams, name)) throw usage(`--upstream ${name} is there twice`);
    if (at === -1) {
      if (file === undefined) throw usage(`--upstream ${name}: neither =URL nor a program after --`);
      upstreams[name] = { command: file, args };
    } else upstreams[name] = { url: urlOf(word.slice(at + 1), name) };
  }
  return upstreams;
}

function urlOf(text: string, name: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw usage(`--upstream ${name}: ${JSON.stringify(text)} is no http or https URL`);
}

function usage(message: string): TsmcpError {
  return new TsmcpError({
    code: "usage-invalid",
    message,
    hint: "write --upstream NAME=URL, or --upstream NAME -- CMD and its arguments",
  });
}
