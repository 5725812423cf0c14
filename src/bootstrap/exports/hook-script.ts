import type { ProcessIdentity } from "../../core/record.ts";
import { shellQuote } from "../../core/shell-quote.ts";
import { procAddress } from "../../net/listening.ts";
import type { ListenAddress } from "../../tailscale/daemon-arguments.ts";
import { ownHosts, proxyUrls, proxyVariableNames } from "./variables.ts";

export interface HookFacts {
  readonly bootId: string;
  readonly proxy: ListenAddress;
  /** The daemon whose proxy it is; undefined when tsmcp did not start it. */
  readonly daemon: ProcessIdentity | undefined;
  /** The user whose shells these are; the proxy has to be theirs or root's. */
  readonly uid: number;
}

/**
 * Returns the file that a shell's profile sources: it exports the proxy only on this boot, while the daemon lives and
 * its port listens, and takes back what an older shell handed down when not. It starts no process, prints nothing, and
 * runs in dash, busybox sh, bash and zsh, also under `set -eu`.
 */
export function hookScript(facts: HookFacts): string {
  const { socks, http } = proxyUrls(facts.proxy);
  const own = `${shellQuote(http)} | ${shellQuote(socks)} | "$__tsmcp_old" | "socks5h://\${__tsmcp_old#http://}"`;
  return `# Written by "tsmcp up". Sets the proxy of the tailnet, for as long as it answers.
__tsmcp_answers() {
  if [ -n "\${ZSH_VERSION-}" ]; then emulate -L sh; fi
${bootTest(facts.bootId)}${daemonTest(facts.daemon)}${portTest(facts)}}
# What an older shell handed down may name a port that ours had before.
case \${TSMCP_PROXY-} in
  http://127.*:* | http://\\[::1]:*) __tsmcp_old=$TSMCP_PROXY ;;
  *) __tsmcp_old=${shellQuote(http)} ;;
esac
if __tsmcp_answers 2>/dev/null; then
  TSMCP_PROXY=${shellQuote(http)}
  export TSMCP_PROXY
  # A proxy that the platform set stays: it may be the only way out.
  __tsmcp_foreign=
  for __tsmcp_value in ${proxyVariableNames.map((name) => `"\${${name}-}"`).join(" ")}; do
    case $__tsmcp_value in '' | ${own}) ;; *) __tsmcp_foreign=1 ;; esac
  done
  if [ -z "$__tsmcp_foreign" ]; then
    ALL_PROXY=${shellQuote(socks)} all_proxy=${shellQuote(socks)}
    HTTP_PROXY=${shellQuote(http)} http_proxy=${shellQuote(http)}
    HTTPS_PROXY=${shellQuote(http)} https_proxy=${shellQuote(http)}
    __tsmcp_value=\${NO_PROXY-}
    if [ -z "$__tsmcp_value" ]; then __tsmcp_value=\${no_proxy-}; fi
    for __tsmcp_host in ${ownHosts.join(" ")}; do
      case ,$__tsmcp_value, in *,"$__tsmcp_host",*) ;; *) __tsmcp_value=\${__tsmcp_value:+$__tsmcp_value,}$__tsmcp_host ;; esac
    done
    NO_PROXY=$__tsmcp_value no_proxy=$__tsmcp_value
    export ${proxyVariableNames.join(" ")} NO_PROXY no_proxy
  fi
else
${["TSMCP_PROXY", ...proxyVariableNames].map((name) => `  case \${${name}-} in ${own}) unset ${name} ;; esac`).join("\n")}
fi
unset -f __tsmcp_answers
unset __tsmcp_old __tsmcp_foreign __tsmcp_value __tsmcp_host __tsmcp_boot __tsmcp_start __tsmcp_state __tsmcp_local __tsmcp_uid __tsmcp_rest
`;
}

function bootTest(bootId: string): string {
  return `  __tsmcp_boot=
  read -r __tsmcp_boot < /proc/sys/kernel/random/boot_id || return 1
  [ "$__tsmcp_boot" = ${shellQuote(bootId)} ] || return 1
`;
}

/**
 * proc(5): field 3 is the state, field 22 the start. The name in field 2 is tailscaled's own and holds no blank; were it
 * otherwise, the start would not match and nothing would be exported.
 */
function daemonTest(daemon: ProcessIdentity | undefined): string {
  if (daemon === undefined) return "";
  const before = "__tsmcp_rest __tsmcp_rest __tsmcp_state";
  const between = Array.from({ length: 18 }, () => "__tsmcp_rest").join(" ");
  return `  __tsmcp_state= __tsmcp_start=
  IFS=' ' read -r ${before} ${between} __tsmcp_start __tsmcp_rest < /proc/${daemon.pid}/stat || return 1
  [ "$__tsmcp_start" = ${shellQuote(daemon.startTicks)} ] || return 1
  case $__tsmcp_state in [ZXTt]) return 1 ;; esac
`;
}

/** proc(5) for net/tcp: state 0A is LISTEN, and those come first; field 8 is the user. */
function portTest({ proxy: { host, port }, uid }: HookFacts): string {
  const before = "__tsmcp_rest __tsmcp_local __tsmcp_rest __tsmcp_state __tsmcp_rest __tsmcp_rest __tsmcp_rest";
  return `  while IFS=' ' read -r ${before} __tsmcp_uid __tsmcp_rest; do
    case $__tsmcp_local$__tsmcp_state in
      ${procAddress(host)}:${port.toString(16).toUpperCase().padStart(4, "0")}0A)
        case $__tsmcp_uid in ${uid === 0 ? "0" : `0 | ${uid}`}) return 0 ;; *) return 1 ;; esac ;;
      *0A | local*) ;;
      *) return 1 ;;
    esac
  done < /proc/net/${host.includes(":") ? "tcp6" : "tcp"}
  return 1
`;
}
