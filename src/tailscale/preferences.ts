import { objectOf, parseJson, stringOf, stringsOf } from "../core/json-object.ts";

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
  const prefs = objectOf(parseJson(json));
  if (typeof prefs.ControlURL !== "string") return undefined;
  return {
    loginServer: prefs.ControlURL,
    hostname: stringOf(prefs.Hostname),
    advertiseTags: stringsOf(prefs.AdvertiseTags),
    acceptRoutes: prefs.RouteAll === true,
    shieldsUp: prefs.ShieldsUp === true,
    wantRunning: prefs.WantRunning === true,
    advertiseServices: stringsOf(prefs.AdvertiseServices),
    operator: stringOf(prefs.OperatorUser) || undefined,
  };
}
