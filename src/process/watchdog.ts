import { execa } from "execa";
import { detachedOptions } from "./detached.ts";

/** Ends process groups when this process is gone, however it went: nothing else can, after a SIGKILL. */
export interface Watchdog {
  watch(group: number): void;
  forget(group: number): void;
  /** Ends what is still watched, and the watchdog. */
  close(): void;
}

/** Reads `watch N` and `forget N`; the end of its input is our end. A child that heeds the end of its own has a second. */
const script = `
groups=' '
while read -r word group; do
  case $word in
    watch) groups="$groups$group " ;;
    forget) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group"; done
[ "$groups" = ' ' ] || sleep 1
for group in $groups; do kill -s KILL -- "-$group"; done
`;

/** Returns a watchdog, a shell of its own session, which is started with the first group. */
export function createWatchdog(): Watchdog {
  let say: ((line: string) => void) | undefined;
  let end: (() => void) | undefined;
  const start = (): ((line: string) => void) => {
    const child = execa("/bin/sh", ["-c", script], {
      ...detachedOptions({ env: { PATH: "/usr/bin:/bin" }, cwd: "/" }),
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.on("error", () => {});
    child.unref();
    end = () => void child.stdin.end();
    return (line) => void child.stdin.write(`${line}\n`);
  };
  return {
    watch(group) {
      say ??= start();
      say(`watch ${group}`);
    },
    forget: (group) => say?.(`forget ${group}`),
    close: () => end?.(),
  };
}
