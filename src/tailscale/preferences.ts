/** The settings of a node that `up` compares with what was asked for. */
export interface NodePreferences {
  readonly loginServer: string;
  readonly hostname: string;
  readonly advertiseTags: readonly string[];
  readonly acceptRoutes: boolean;
  readonly shieldsUp: boolean;
  readonly wantRunning: boolean;
  /** The user, other than root, who may change the node. */
  readonly operator?: string | undefined;
  /** The Tailscale Services that this node is a host of, as far as it says so itself. */
  readonly advertiseServices?: readonly string[];
}

/** Returns the settings in the JSON of LocalAPI's `prefs`, or undefined when it is none. Source: tailscale `ipn/prefs.go`. */
export function parsePreferences(json: string): NodePreferences | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const prefs: Readonly<Record<string, unknown>> = { ...value };
  if (typeof prefs.ControlURL !== "string") return undefined;
  return {
    loginServer: prefs.ControlURL,
    hostname: typeof prefs.Hostname === "string" ? prefs.Hostname : "",
    advertiseTags: Array.isArray(prefs.AdvertiseTags)
      ? prefs.AdvertiseTags.filter((tag) => typeof tag === "string")
      : [],
    acceptRoutes: prefs.RouteAll === true,
    shieldsUp: prefs.ShieldsUp === true,
    wantRunning: prefs.WantRunning === true,
    advertiseServices: Array.isArray(prefs.AdvertiseServices)
      ? prefs.AdvertiseServices.filter((service) => typeof service === "string")
      : [],
    operator: typeof prefs.OperatorUser === "string" && prefs.OperatorUser !== "" ? prefs.OperatorUser : undefined,
  };
}
