import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../core/errors.ts";

/**
 * Returns the logins that tailscaled's state holds, each by the best name there is: its host name, else its node id.
 * Empty where it holds none. A file that cannot be understood counts as a login without a name.
 * Source: tailscale `ipn/store.go`, `ipn/ipnlocal/profiles.go`: each value is JSON in base64.
 */
export function loginsKeptIn(stateDir: string): readonly string[] {
  try {
    const state = toObject(JSON.parse(readFileSync(join(stateDir, "tailscaled.state"), "utf8")));
    return Object.values(decoded(state, "_profiles")).map((value) => {
      const profile = toObject(value);
      const hostname = decoded(state, textOf(profile.Key)).Hostname;
      return textOf(hostname) || textOf(profile.NodeID) || nameless;
    });
  } catch (error) {
    if (error instanceof SyntaxError) return [nameless];
    if (systemCodeOf(error) === undefined) throw error;
    return [];
  }
}

const nameless = "its node";

function decoded(state: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = textOf(state[name]);
  return value === "" ? {} : toObject(JSON.parse(Buffer.from(value, "base64").toString("utf8")));
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
