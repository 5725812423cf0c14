import { shellQuote } from "../core/shell-quote.ts";
import type { Sandbox, SandboxCaller } from "../sandbox/sandbox.ts";

/** Returns the sandbox as `--json` prints it. */
export function describeSandbox(sandbox: Sandbox): object {
  const { host, caFile, binDir, socket, authKeys, controlUrl, callers } = sandbox;
  return {
    host,
    tailnetUrl: tailnetUrl(host),
    publicUrl: publicUrl(host),
    caFile,
    binDir,
    socket,
    authKeys,
    controlUrl,
    callers: Object.fromEntries(
      Object.values(callers).map((caller) => [
        caller.name,
        {
          address: caller.address ?? null,
          proxy: caller.proxy ?? null,
          tunnel: caller.tunnel,
          connectTo: caller.connectTo,
          curl: ["curl", ...caller.curl(urlFor(caller, host))],
        },
      ]),
    ),
    env: sandbox.env(),
  };
}

/** Returns the sandbox for people: the URLs, a curl for each caller, and the environments to use. */
export function sandboxText(sandbox: Sandbox): string {
  const { host, callers, binDir, authKeys, caFile, controlUrl } = sandbox;
  const curls = Object.values(callers).map((caller) => {
    // One rule is enough to see; --json has them all.
    const words = shortened(caller.curl(urlFor(caller, host)), caller, host).map(shellQuote);
    return `  # ${caller.name.padEnd(8)} ${descriptions[caller.name]}\n  curl ${words.join(" ")}\n`;
  });
  return [
    `the tailnet   ${tailnetUrl(host)}   (Serve)`,
    `the internet  ${publicUrl(host)}   (Funnel)`,
    "",
    "As each caller:",
    ...curls,
    "In the agent's place, for tsmcp bridge, tools, call and doctor, and for other programs:",
    ...exports(sandbox.env("agent")),
    "",
    "On a machine that has not joined, for tsmcp up:",
    ...exports({
      PATH: `${binDir}:$PATH`,
      TS_AUTHKEY: authKeys.agent,
      TSMCP_LOGIN_SERVER: controlUrl,
      NODE_EXTRA_CA_CERTS: caFile,
      TSMCP_CONNECT_TO: callers.internet.connectTo.join(","),
    }),
    "",
    "",
  ].join("\n");
}

const descriptions: Readonly<Record<SandboxCaller["name"], string>> = {
  user: "a user's own device: its login is told",
  agent: "a tagged device with a grant: its capabilities are told",
  stranger: "a tagged device without any grant: nothing is told",
  guest: "somebody of another tailnet, with whom the server is shared: a login is told",
  internet: "anybody, through Funnel",
};

function urlFor({ name }: SandboxCaller, host: string): string {
  return name === "internet" ? publicUrl(host) : tailnetUrl(host);
}

function tailnetUrl(host: string): string {
  return `https://${host}:8443/`;
}

function publicUrl(host: string): string {
  return `https://${host}/`;
}

/** Without the `--connect-to` rules of the ports that the URL does not name. */
function shortened(words: readonly string[], { connectTo }: SandboxCaller, host: string): readonly string[] {
  const others = new Set(connectTo.filter((rule) => !rule.startsWith(`${host}:443:`)));
  return words.filter((word, at) => !others.has(word) && !(word === "--connect-to" && others.has(words[at + 1] ?? "")));
}

function exports(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables).map(([name, value]) => {
    const quoted = value.endsWith(":$PATH")
      ? `${shellQuote(value.slice(0, -":$PATH".length))}:"$PATH"`
      : shellQuote(value);
    return `  export ${name}=${quoted}`;
  });
}
