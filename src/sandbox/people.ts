import { randomBytes } from "node:crypto";
import { TsmcpError } from "../core/errors.ts";
import { isAtLeast, parseTailscaleVersion, type TailscaleVersion } from "../tailscale/version.ts";
import type { CallerName, Capabilities, Tailnet, TailnetNode, User } from "./tailnet.ts";

/** What of a caller can be said otherwise. */
export interface CallerChanges {
  readonly login?: string;
  readonly displayName?: string;
  readonly picture?: string;
  readonly tags?: readonly string[];
  readonly capabilities?: Capabilities;
}

export type CallersChanges = Partial<Readonly<Record<Exclude<CallerName, "internet">, CallerChanges>>>;

/** The version that is imitated unless another is asked for. */
export const defaultVersion = "1.102.5";

/** Before this one, names in headers were not encoded (tailscale #11603), and the rest was never compared. */
const oldestVersion = { major: 1, minor: 64, patch: 0 };

/** The capability of the examples; grants and `--accept-app-caps` name it. */
export const defaultCapability = "example.com/cap/mcp";

/** Returns a tailnet that nobody else has. Throws `unsupported` for versions that are not imitated. */
export function createTailnet(request: { readonly version: string; readonly callers: CallersChanges }): Tailnet {
  const suffix = `tail${randomBytes(4).toString("hex")}.ts.net`;
  const { callers } = request;
  const tagged: User = { id: 1, login: "tagged-devices", displayName: "Tagged Devices", picture: "" };
  const nodeOf = (id: number, name: string, caller: CallerChanges & { readonly isShared?: boolean }): TailnetNode => {
    const { login, displayName = "", picture = "", tags = [], capabilities = {}, isShared = false } = caller;
    const user = tags.length > 0 || login === undefined ? tagged : { id: id + 10, login, displayName, picture };
    const dnsName = isShared ? `${name}.tail${randomBytes(4).toString("hex")}.ts.net` : `${name}.${suffix}`;
    return {
      id,
      name,
      dnsName,
      address: `100.64.0.${id}`,
      peerApiPort: 40_000 + id,
      user,
      tags,
      isShared,
      capabilities,
    };
  };
  const everything = { [defaultCapability]: [{ tools: ["*"], resources: ["*"], prompts: ["*"] }] };
  return {
    suffix,
    version: parseVersion(request.version),
    server: nodeOf(2, "server", { tags: ["tag:server"] }),
    callers: {
      user: nodeOf(3, "laptop", {
        login: "alice@example.com",
        displayName: "Alice",
        capabilities: everything,
        ...callers.user,
      }),
      agent: nodeOf(4, "agent", { tags: ["tag:agent"], capabilities: everything, ...callers.agent }),
      stranger: nodeOf(5, "printer", { tags: ["tag:printer"], ...callers.stranger }),
      guest: nodeOf(6, "guest", {
        login: "mallory@example.org",
        displayName: "Mallory",
        isShared: true,
        ...callers.guest,
      }),
    },
    joined: new Map(),
    away: new Set(),
    serve: new Map(),
    foreground: new Map(),
  };
}

function parseVersion(text: string): TailscaleVersion {
  const version = parseTailscaleVersion(text);
  if (version !== undefined && isAtLeast(version, oldestVersion) && version.major === 1) return version;
  throw new TsmcpError({
    code: version === undefined ? "usage-invalid" : "unsupported",
    message: `the sandbox imitates no tailscale ${JSON.stringify(text)}`,
    hint: "name a version from 1.64 on, such as 1.90",
    facts: { version: text },
  });
}
