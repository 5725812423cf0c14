import { findProgram } from "./find-program.ts";

/** What a program in a namespace of its own does not find. */
export interface Hiding {
  /** Directories that show what is in them at the start, without these names, and nothing that comes later. */
  readonly thinned: readonly { readonly directory: string; readonly without: readonly string[] }[];
  /** Directories that are empty. */
  readonly emptied: readonly string[];
  /** Files that hold nothing and cannot be connected to. */
  readonly blanked: readonly string[];
}

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The programs that make a namespace, by their paths. */
export interface NamespaceTools {
  readonly unshare: string;
  readonly env: string;
  /** For mount(8) and the like. */
  readonly path: string;
}

/** Returns the tools, or the name of the one that is missing. `path` is our own. */
export function findNamespaceTools(path: string): NamespaceTools | string {
  const all = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", ...path.split(":").filter((one) => one.startsWith("/"))];
  const place = { path: all.join(":"), cwd: "/" };
  const missing = ["mount", "mkdir", "ln", "readlink"].find((name) => findProgram(name, place) === undefined);
  const [unshare, env] = [findProgram("unshare", place), findProgram("env", place)];
  if (unshare === undefined) return "unshare";
  if (env === undefined) return "env";
  return missing ?? { unshare, env, path: place.path };
}

/**
 * Returns how to start `program` in user, mount and pid namespaces of its own: as the same user without any capability,
 * beside processes that it cannot see, trace or signal, and without what is hidden. Undefined where there is no such
 * program. Of its environment a shell such as dash hands on only what has a name that a shell can have.
 *
 * Two user namespaces, one in the other: the outer one owns the mounts, so that the program, which can only ever get
 * capabilities in namespaces of its own, cannot take them away. Source: mount_namespaces(7), "Restrictions".
 */
export function inNamespace(
  program: Program,
  at: { readonly hiding: Hiding; readonly tools: NamespaceTools; readonly uid: number; readonly gid: number },
): Program | undefined {
  const { hiding, tools, uid, gid } = at;
  const { env, cwd } = program;
  const file = findProgram(program.file, { path: env.PATH ?? "", cwd });
  if (file === undefined) return undefined;
  // env(1) takes a word with "=" for a variable.
  const command = file.includes("=") ? ["/bin/sh", "-c", 'exec "$@"', "sh", file] : [file];
  const shellsOwn = ["PWD", "OLDPWD", "SHLVL", "_"].filter((name) => env[name] === undefined);
  const inner = [
    ...[tools.unshare, "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--", "/bin/sh", "-c", firstProcess, "sh"],
    ...[tools.env, "--default-signal=INT,QUIT", ...shellsOwn.flatMap((name) => ["-u", name]), "--"],
    ...[...command, ...program.args],
  ];
  const outer = ["--user", "--map-root-user", "--mount", "--pid", "--", "/bin/sh", "-c", leader, "sh"];
  return { env, cwd, file: tools.unshare, args: [...outer, tools.path, cwd, ...wordsOf(hiding), "--", ...inner] };
}

/** As the leader reads them. */
function wordsOf({ thinned, emptied, blanked }: Hiding): string[] {
  return [
    ...thinned.flatMap(({ directory, without }) => [
      ...without.flatMap((name) => ["without", name]),
      ...["thin", directory],
    ]),
    ...emptied.flatMap((directory) => ["empty", directory]),
    ...blanked.flatMap((file) => ["blank", file]),
  ];
}

/**
 * Leads the process group. Its first child is the first process of the pid namespace: when that ends, so does all that
 * is in there. It holds no end of the pipes, so that the program can close them, and SIGTERM is for the program alone.
 * Where part of /proc is covered, as in most containers, no other one may be mounted. The one that is there shows every
 * process, but a user namespace is what it takes to look into one: ptrace(2), "Ptrace access mode checking".
 * In a directory whose mount is covered, relative names still mean what is below, if mount(8) leaves them as they are.
 */
const leader = `
trap : TERM
exec 3<&0
(
  own=\${PATH-}
  PATH=$1
  cwd=$2
  shift 2
  thin() {
    cd "$1" || return
    mode=755
    [ ! -k . ] || mode=1777
    mount -n -t tmpfs -o "nosuid,nodev,mode=$mode" tmpfs "$1" || return
    for name in * .[!.]* ..?*; do
      case $without in */"$name"/*) continue ;; esac
      if [ -h "./$name" ]; then ln -s -- "$(readlink -- "./$name")" "$1/$name"
      elif [ -d "./$name" ]; then mkdir -- "$1/$name" && mount -n -c --rbind "./$name" "$1/$name"
      elif [ -e "./$name" ]; then : >"$1/$name" && mount -n -c --bind "./$name" "$1/$name"
      fi
    done
    :
  }
  mount -n -t proc -o nosuid,nodev,noexec proc /proc 2>/dev/null || :
  without=/
  while [ "$1" != -- ]; do
    case $1 in
      without) without=$without$2/ ;;
      thin) thin "$2" || exit 125; without=/ ;;
      empty) mount -n -t tmpfs -o ro,nosuid,nodev,mode=555 tmpfs "$2" || exit 125 ;;
      blank) mount -n --bind /dev/null "$2" || exit 125 ;;
    esac
    shift 2
  done
  shift
  cd "$cwd" || exit 125
  PATH=$own
  exec "$@"
) <&3 3<&- &
group=$!
exec <&- >&- 2>&- 3<&-
wait $group
code=$?
while kill -0 $group; do
  wait $group
  code=$?
done
exit $code
`;

/** Reaps what the program's own children leave behind, which the first process of a namespace has to. */
const firstProcess = `
exec 3<&0
"$@" <&3 3<&- &
exec <&- >&- 2>&- 3<&-
wait $!
`;
