import type { Header } from "../../net/http-message.ts";
import { userAgent } from "../probe/caller.ts";
import type { Disguise } from "../probe/disguise.ts";
import type { Ruse } from "./attack.ts";
import type { Inside } from "./inside.ts";
import { doubled, mixedCase, underscored } from "./spelling.ts";

/** Where other proxies put the user whom they have let in. */
const loginHeaders = [
  "X-Tailscale-User",
  "X-Tailscale-User-Login",
  "X-Tailscale-Login",
  "X-Webauth-User",
  "X-Webauth-Login",
  "X-Forwarded-User",
  "X-Forwarded-Email",
  "X-Auth-Request-User",
  "X-Auth-Request-Email",
  "X-Authenticated-User",
  "X-Remote-User",
  "X-User",
  "X-User-Email",
  "Remote-User",
  "Cf-Access-Authenticated-User-Email",
];

/** For gates that ask whether there are any. */
const credentials: readonly Header[] = [
  ["Authorization", "Bearer tsmcp-doctor"],
  ["X-API-Key", "tsmcp-doctor"],
  ["X-Auth-Token", "tsmcp-doctor"],
  ["Cookie", "session=tsmcp-doctor"],
];

/**
 * Returns requests that claim to come from a tailnet user. tailscaled removes its own headers from what a client sends,
 * but not their forms with underscores, which some servers fold into the real ones.
 */
export function identityRuses(inside: Inside): Ruse[] {
  const own = [...identity(inside), ...capabilities(inside)];
  const marks = "Tailscale-User-Login, Tailscale-Funnel-Request, X-Forwarded-For, X-Forwarded-Host";
  return [
    { disguise: asSomebody(inside), isStrong: true },
    { disguise: asked("Authorization: Bearer tsmcp-doctor", credentials) },
    { disguise: asked("Tailscale_User_Login", own.map(underscored)) },
    { disguise: asked("X-Tailscale-User and its like", strangers(inside)) },
    { disguise: asked("Tailscale-User-Login", own) },
    { disguise: { ...asked("tAiLsCaLe-uSeR-LoGiN", own.map(mixedCase)), protocol: "h1" } },
    { disguise: doubled(asked("Tailscale_User_Login", own.map(underscored))) },
    {
      disguise: {
        ...asked("Tailscale-User-Login named in Connection", [...own, ["Connection", `close, ${marks}`]]),
        protocol: "h1",
      },
    },
    { disguise: asked("Authorization: Basic …", [["Authorization", "Basic dHNtY3A6ZG9jdG9y"]]) },
    {
      disguise: asked("the User-Agent of an agent", [["User-Agent", `claude-code/2.1 Cursor/2.0 node (${userAgent})`]]),
    },
  ];
}

/** Every identity header at once, in both spellings. */
export function asSomebody(inside: Inside): Disguise {
  const own = [...identity(inside), ...capabilities(inside)];
  return asked(`Tailscale-User-Login: ${inside.login} and its like`, [
    ...own,
    ...own.map(underscored),
    ...strangers(inside),
  ]);
}

function identity({ login }: Inside): Header[] {
  const name = login.split("@")[0] ?? login;
  return [
    ["Tailscale-User-Login", login],
    ["Tailscale-User-Name", name],
    ["Tailscale-User-Profile-Pic", "https://example.com/picture.png"],
    ["Tailscale-Headers-Info", "https://tailscale.com/s/serve-headers"],
  ];
}

/** `*` and the example of the manual stand in for a capability whose name cannot be known from here. */
function capabilities(inside: Inside): Header[] {
  const grants = [{ tools: ["*"], resources: ["*"], prompts: ["*"] }];
  const names = [...inside.capabilities, "*", "example.com/cap/mcp"];
  return [
    ["Tailscale-App-Capabilities", JSON.stringify(Object.fromEntries(names.map((name) => [name, grants])))],
    ["Tailscale-Funnel-Request", "?0"],
  ];
}

function strangers({ login }: Inside): Header[] {
  return loginHeaders.map((name): Header => [name, login]);
}

function asked(label: string, headers: readonly Header[]): Disguise {
  return { label, protocol: "auto", headers };
}
