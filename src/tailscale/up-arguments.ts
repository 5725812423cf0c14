import type { NodePreferences } from "./preferences.ts";

/** What a node is to be: every setting is given at every login, so that nothing is left from before. */
export interface NodeSettings {
  readonly loginServer: string | undefined;
  readonly hostname: string | undefined;
  readonly advertiseTags: readonly string[];
  readonly acceptRoutes: boolean;
  readonly shieldsUp: boolean;
}

/** How a node proves who it is: a flag, and the file it reads the secret from. */
export interface Credential {
  readonly flag: "--auth-key" | "--client-secret" | "--id-token";
  readonly file: string;
  readonly clientId?: string | undefined;
}

/** Source: tailscale `ipn/prefs.go`, DefaultControlURL and IsLoginServerSynonym. */
const defaultLoginServers = ["https://controlplane.tailscale.com", "https://login.tailscale.com"];

/**
 * Returns the arguments of `tailscale`, for `up`. The secret goes by a file: arguments can be read by everybody.
 * `--reset` makes what is not named the default, instead of an error that asks to name it.
 */
export function upArguments({
  socket,
  settings,
  credential,
  timeoutMs,
  showsQrCode,
}: {
  readonly socket: string;
  readonly settings: NodeSettings;
  readonly credential: Credential | undefined;
  readonly timeoutMs: number;
  readonly showsQrCode: boolean;
}): string[] {
  return [
    `--socket=${socket}`,
    "up",
    "--reset",
    `--login-server=${settings.loginServer ?? defaultLoginServers[0]}`,
    `--hostname=${settings.hostname ?? ""}`,
    `--advertise-tags=${settings.advertiseTags.join(",")}`,
    `--accept-routes=${settings.acceptRoutes}`,
    `--shields-up=${settings.shieldsUp}`,
    `--timeout=${Math.max(1, Math.round(timeoutMs))}ms`,
    ...(showsQrCode ? ["--qr"] : []),
    ...(credential === undefined ? [] : [`${credential.flag}=file:${credential.file}`]),
    ...(credential?.clientId === undefined ? [] : [`--client-id=${credential.clientId}`]),
  ];
}

/** Returns the names of the settings in which a node differs from what is asked for. */
export function settingsThatDiffer(settings: NodeSettings, now: NodePreferences): string[] {
  const differing: (readonly [name: string, differs: boolean])[] = [
    ["login-server", !isSameLoginServer(settings.loginServer, now.loginServer)],
    ["hostname", (settings.hostname ?? "") !== now.hostname],
    ["advertise-tags", [...settings.advertiseTags].sort().join() !== [...now.advertiseTags].sort().join()],
    ["accept-routes", settings.acceptRoutes !== now.acceptRoutes],
    ["shields-up", settings.shieldsUp !== now.shieldsUp],
  ];
  return differing.filter(([, differs]) => differs).map(([name]) => name);
}

/** Returns the names of the settings that were asked for, other than the default, and that a node does not have. */
export function settingsThatAreMissing(settings: NodeSettings, now: NodePreferences): string[] {
  const asked: Readonly<Record<string, boolean>> = {
    "login-server": settings.loginServer !== undefined,
    hostname: settings.hostname !== undefined,
    "advertise-tags": settings.advertiseTags.length > 0,
    "accept-routes": settings.acceptRoutes,
    "shields-up": !settings.shieldsUp,
  };
  return settingsThatDiffer(settings, now).filter((name) => asked[name]);
}

function isSameLoginServer(wanted: string | undefined, now: string): boolean {
  const isDefault = (url: string): boolean => url === "" || defaultLoginServers.includes(url);
  return wanted === undefined ? isDefault(now) : wanted === now || (isDefault(wanted) && isDefault(now));
}
