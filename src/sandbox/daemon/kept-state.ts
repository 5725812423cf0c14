import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, objectOf, parseJson, stringOf, stringsOf } from "../../core/json-object.ts";
import type { BackendState } from "../../tailscale/status.ts";
import { change, type Daemon } from "./daemon.ts";

const stateName = "tailscaled.state";
/** What of a daemon outlives it; the real one has other words for it. */
const ownName = "_sandbox";

/** Writes, as the real one does, whose login it is, whenever that changes; a folder that cannot be written keeps none. */
export function keepState(daemon: Daemon, stateDir: string): void {
  const write = (): void => {
    const { node, state, wantRunning, settings } = daemon;
    const profile = { ID: "0001", Key: "profile-0001", NodeID: `n${node?.id ?? 0}CNTRL` };
    const kept = {
      _profiles: inBase64(node === undefined ? {} : { [profile.ID]: profile }),
      ...(node === undefined ? {} : { [profile.Key]: inBase64({ Hostname: settings.hostname || node.name }) }),
      ...(node === undefined ? {} : { [ownName]: inBase64({ id: node.id, state, wantRunning, settings }) }),
    };
    try {
      writeFileSync(join(stateDir, stateName), JSON.stringify(kept), { mode: 0o600 });
    } catch {
      // As on a full disk: it goes on in memory.
    }
  };
  daemon.events.on("change", write);
}

/** Brings a daemon back to where another one left the folder, if its node still is in this tailnet. */
export function resumeState(daemon: Daemon, stateDir: string): void {
  const kept = readKept(stateDir);
  const { joined, away } = daemon.control.tailnet;
  const node = typeof kept.id === "number" ? joined.get(kept.id) : undefined;
  const state = backendStates.find((one) => one === kept.state);
  if (node === undefined || state === undefined) return;
  const { loginServer, hostname, advertiseTags, acceptRoutes, shieldsUp } = objectOf(kept.settings);
  away.delete(node.id);
  change(daemon, {
    node,
    state,
    wantRunning: kept.wantRunning === true,
    settings: {
      loginServer: stringOf(loginServer),
      hostname: stringOf(hostname),
      advertiseTags: stringsOf(advertiseTags),
      acceptRoutes: acceptRoutes === true,
      shieldsUp: shieldsUp === true,
    },
  });
}

const backendStates: readonly BackendState[] = ["Running", "Stopped", "NeedsMachineAuth", "NeedsLogin"];

function readKept(stateDir: string): Readonly<Record<string, unknown>> {
  try {
    const state = parseJson(readFileSync(join(stateDir, stateName), "utf8"));
    const text = isObject(state) ? stringOf(state[ownName]) : "";
    return objectOf(parseJson(Buffer.from(text, "base64").toString("utf8")));
  } catch {
    return {};
  }
}

function inBase64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}
