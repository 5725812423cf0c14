import { shellQuote } from "../../core/shell-quote.ts";

const start = '# >>> tsmcp >>> written by "tsmcp up", removed by "tsmcp down"';
const end = "# <<< tsmcp <<<";
/** Noted in the fence itself, because the profile outlives every record. */
const withBreak = " (after a line without a line break)";
const newFile = " (in a file of its own)";

/** Returns the profile with the block that sources `script`: once, in the place where one was. */
export function addBlock(profile: string | undefined, script: string): string {
  const found = profile === undefined ? undefined : findBlock(profile);
  if (profile !== undefined && found !== undefined) {
    return profile.slice(0, found.start) + blockText(script, found.note) + profile.slice(found.end);
  }
  if (profile === undefined) return blockText(script, newFile);
  const isWhole = profile === "" || profile.endsWith("\n");
  return isWhole ? profile + blockText(script, "") : `${profile}\n${blockText(script, withBreak)}`;
}

/**
 * Returns the profile as it was before the block, byte for byte, or undefined when the file was made for it and holds
 * nothing else.
 */
export function removeBlock(profile: string): string | undefined {
  const found = findBlock(profile);
  if (found === undefined) return profile;
  const before = profile.slice(0, found.start);
  const after = profile.slice(found.end);
  if (found.note === newFile && before + after === "") return undefined;
  // Where something was added behind the block since, the line break now belongs to that.
  return found.note === withBreak && after === "" ? before.slice(0, -1) : before + after;
}

/** Returns the script that the block sources, or undefined when there is no block. */
export function scriptOfBlock(profile: string): string | undefined {
  const found = findBlock(profile);
  if (found === undefined) return undefined;
  const quoted = /^if \[ -r (.*) \]; then \. /m.exec(profile.slice(found.start, found.end))?.[1] ?? "";
  return quoted.replace(/^'(.*)'$/s, "$1").replaceAll(`'\\''`, "'");
}

function blockText(script: string, note: string): string {
  const word = shellQuote(script);
  return `${start}${note}\nif [ -r ${word} ]; then . ${word}; fi\n${end}\n`;
}

function findBlock(profile: string): { start: number; end: number; note: string } | undefined {
  const at = profile.startsWith(start) ? 0 : profile.indexOf(`\n${start}`) + 1;
  if (at === 0 && !profile.startsWith(start)) return undefined;
  const close = profile.indexOf(`\n${end}`, at);
  if (close === -1) return undefined;
  const endOfLine = close + 1 + end.length;
  const note = profile.slice(at + start.length, profile.indexOf("\n", at));
  return { start: at, end: profile[endOfLine] === "\n" ? endOfLine + 1 : endOfLine, note };
}
