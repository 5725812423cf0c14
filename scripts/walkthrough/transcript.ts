/** Returns a transcript without what is another one each time: names, places, ports, times and counts. */
export function normalised(transcript: string): string {
  return transcript
    .replaceAll(/\u001b\[\d+m/g, "")
    .replaceAll(/\btail[0-9a-f]{8}\b/g, "tailnet")
    .replaceAll(/\S*\/tsmcp-sandbox(?:-[0-9a-f]{16})?\//g, "SANDBOX/")
    .replaceAll(/\S*\/dist\//g, "DIST/")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replaceAll(/\bpid \d+/g, "pid N")
    .replaceAll(/\bin \d+\.\d s\b/g, "in N s")
    .replaceAll(/\b\d+(?= (?:other forms?|forged requests|failed|to look at|skipped|passed|requests)\b)/g, "N");
}

/**
 * Returns the first line of an excerpt that does not stand where it should in the whole, or undefined. A line "…" leaves
 * out any lines, and "…" at a line's end the rest of that line.
 */
export function firstUntrue(excerpt: string, whole: string): string | undefined {
  const lines = normalised(whole).split("\n");
  let at = 0;
  let isGap = true;
  for (const line of normalised(excerpt).split("\n")) {
    if (line === "…") {
      isGap = true;
      continue;
    }
    const isIt = (candidate: string | undefined): boolean =>
      line.endsWith("…") ? candidate?.startsWith(line.slice(0, -1)) === true : candidate === line;
    const found = isGap ? lines.findIndex((candidate, index) => index >= at && isIt(candidate)) : at;
    if (found === -1 || !isIt(lines[found])) return line;
    at = found + 1;
    isGap = false;
  }
  return undefined;
}
