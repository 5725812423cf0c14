import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shellQuote } from "../../core/shell-quote.ts";

/**
 * What runs in a stand-in's own process: it hands over what it was given, says what it is told to say, and ends with the
 * sandbox, however that ends. Everything is decided in the sandbox. It is plain JavaScript, because it is run as it stands.
 * Files are read here: `/proc/self/fd/3` is another one there.
 */
const program = `import { connect } from "node:net";
import { readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import process, { argv as words, exit } from "node:process";
const [channel, name, ...argv] = words.slice(2);
const files = {};
for (const argument of argv) {
  const path = /=file:(.+)$/.exec(argument)?.[1];
  if (path === undefined) continue;
  try {
    files[path] = { text: readFileSync(path, "utf8") };
  } catch (error) {
    files[path] = { code: error.code };
  }
}
const socket = connect(channel);
let rest = "";
socket.setEncoding("utf8");
socket.on("connect", () => socket.write(JSON.stringify({ name, argv, files, hostname: hostname() }) + "\\n"));
socket.on("data", (text) => {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const message = JSON.parse(line);
    if ("out" in message) writeSync(1, message.out);
    else if ("error" in message) writeSync(2, message.error);
    else if ("signals" in message)
      for (const signal of message.signals) process.on(signal, () => socket.write('{"end":true}\\n'));
    else if ("kill" in message) process.kill(process.pid, message.kill);
    else exit(message.exit);
  }
});
const gone = () => {
  writeSync(2, "the sandbox is gone\\n");
  exit(1);
};
socket.on("error", gone);
socket.on("close", gone);
`;

export const standInNames = ["tailscale", "tailscaled"] as const;

/** Writes `tailscale` and `tailscaled` into `directory`/bin, which talk to the sandbox at `channel`; returns that folder. */
export function writeStandIns(directory: string, channel: string): string {
  const binDir = join(directory, "bin");
  mkdirSync(binDir, { mode: 0o700 });
  const script = join(directory, "stand-in.mjs");
  writeFileSync(script, program, { mode: 0o600 });
  for (const name of standInNames) {
    const path = join(binDir, name);
    const words = [process.execPath, script, channel, name].map(shellQuote).join(" ");
    writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`);
    chmodSync(path, 0o700);
  }
  return binDir;
}
