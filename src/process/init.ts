import { accessSync, constants } from "node:fs";
import { messageOf } from "../core/errors.ts";
import type { Environment } from "../core/runtime-directory.ts";

const shell = "/bin/sh";

/**
 * Starts the program, hands on every signal, collects every process that is left to it, and ends as the program does. A
 * shell that waits for one child collects all others too. `wait` also returns for a signal; then the child still is.
 */
export const initScript = `
child= told=
tell() { [ -z "$child" ] || { kill -s "$told" "$child" 2>/dev/null; told=; }; }
for name in HUP INT QUIT TERM USR1 USR2; do trap "told=$name; tell" "$name"; done
"$@" &
child=$!
[ -z "$told" ] || tell
while :; do
  wait "$child"
  status=$?
  kill -s 0 "$child" 2>/dev/null || exit "$status"
done
`;

/**
 * Puts a shell in this process's place, as process 1, which starts the same command again as its child; does not return
 * where that works. Node.js waits only for the children that it started (libuv `src/unix/process.c`, uv__wait_children), so
 * that as process 1 it would keep everybody else's dead for ever. Returns why it cannot be done.
 */
export function becomeChildOfInit(argv: readonly string[], env: Environment): { readonly reason: string } {
  if (!("execve" in process) || typeof process.execve !== "function") {
    return {
      reason: "Node.js can do that from 22.15 on; or start the container with an init (docker run --init, init: true)",
    };
  }
  try {
    accessSync(shell, constants.X_OK);
    Reflect.apply(process.execve, process, [shell, ["sh", "-c", initScript, "tsmcp-init", ...argv], env]);
    return { reason: `${shell} did not start` };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
