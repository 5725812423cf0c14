import type { Swept } from "./program.ts";

/** Silent: accepts and answers nothing, on old connections too. Refuse: refused, and old connections are cut. */
export type Mode = "open" | "silent" | "refuse";

export interface KeyOptions {
  readonly tags?: readonly string[];
  readonly reusable?: boolean;
  readonly ephemeral?: boolean;
  /** false: nodes that join with it need `approve` first. */
  readonly preauthorized?: boolean;
  readonly expiresInMs?: number;
  /** The owner of untagged nodes (alice@example.com). */
  readonly user?: string;
}

/** One grant as in a policy file. `src`, `dst`: "*", tag:…, a login, a name, an address; `ip`: "*", "443", "tcp:8443". */
export interface Grant {
  readonly src: readonly string[];
  readonly dst: readonly string[];
  readonly ip?: readonly string[];
  readonly app?: Readonly<Record<string, readonly unknown[]>>;
}

export interface NodeInfo {
  readonly name: string;
  readonly dnsName: string;
  readonly ip: string;
  readonly user: string;
  readonly tags: readonly string[];
  readonly online: boolean;
  readonly ephemeral: boolean;
  readonly authorized: boolean;
  readonly expired: boolean;
  readonly funnel: boolean;
  readonly keyExpiry?: string;
}

export interface Capabilities {
  readonly https: boolean;
  readonly funnel: boolean;
  /** "443,8443,10000" */
  readonly funnelPorts: string;
  /** Nodes must upload their logs. */
  readonly logs?: boolean;
  /** Names are not answered for. */
  readonly noMagicDns?: boolean;
}

export const everybodyReachesEverybody: Grant = { src: ["*"], dst: ["*"], ip: ["*"] };

export type Knobs = ReturnType<typeof knobs>;

/** The tailnet's HTTP interface (knobs.go), one function a knob. A node is named by full name, first label or address. */
export function knobs(apiUrl: string) {
  const ask = async <T>(path: string, body: object = {}): Promise<T> => {
    const response = await fetch(`${apiUrl}${path}`, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.text();
    if (!response.ok) throw new Error(`tailnet: ${answer}`);
    return JSON.parse(answer);
  };
  const turn = async (path: string, body: object): Promise<void> => {
    await ask(path, body);
  };
  return {
    createKey: async (options: KeyOptions = {}): Promise<string> => (await ask<{ key: string }>("/keys", options)).key,
    revokeKey: async (key: string): Promise<void> => turn("/keys/revoke", { key }),
    /** A client whose secret, with `?baseURL=` and the control URL, `tailscale up` takes as a key. */
    createOAuthClient: async (tags: readonly string[]): Promise<{ clientId: string; clientSecret: string }> =>
      ask("/oauth-clients", { tags }),
    /** A federated identity that accepts exactly this id token. */
    createIdentity: async (options: { tags: readonly string[]; idToken: string }): Promise<{ clientId: string }> =>
      ask("/oauth-clients", options),
    setPolicy: async (policy: {
      grants?: readonly Grant[];
      tagOwners?: Readonly<Record<string, readonly string[]>>;
    }): Promise<void> => turn("/policy", policy),
    /** Replaces the policy's grants; without any argument everybody reaches everybody again. */
    setGrants: async (grants: readonly Grant[] = [everybodyReachesEverybody]): Promise<void> =>
      turn("/policy", { grants }),
    requireApproval: async (required: boolean): Promise<void> => turn("/approval", { required }),
    /** From now on a node needs a signature of the tailnet's lock; the server that holds the key gives it. */
    lock: async (): Promise<void> => turn("/lock", {}),
    sign: async (node: string): Promise<void> => turn("/lock/sign", { node }),
    setUser: async (user: { login: string; display: string; picture?: string }): Promise<void> => turn("/users", user),
    completeLogin: async (login: { url: string; user?: string; tags?: readonly string[] }): Promise<void> =>
      turn("/logins/complete", login),

    nodes: async (): Promise<readonly NodeInfo[]> => (await ask<{ nodes: NodeInfo[] }>("/nodes")).nodes,
    expireNode: async (node: string, inMs = 0): Promise<void> => turn("/nodes/expire", { node, inMs }),
    approve: async (node: string): Promise<void> => turn("/nodes/approve", { node }),
    removeNode: async (node: string): Promise<void> => turn("/nodes/remove", { node }),
    setTags: async (node: string, tags: readonly string[]): Promise<void> => turn("/nodes/tags", { node, tags }),
    /** What one node may serve. */
    setCapabilities: async (node: string, capabilities: Capabilities): Promise<void> =>
      turn("/capabilities", { node, ...capabilities }),
    /** What nodes may serve that were not told otherwise; `wait`: the CLI is told to wait for what is missing. */
    setDefaultCapabilities: async (capabilities: Capabilities & { wait?: boolean }): Promise<void> =>
      turn("/capabilities", capabilities),

    setControl: async (mode: Mode): Promise<void> => turn("/control", { mode }),
    pause: async (): Promise<void> => turn("/control", { mode: "silent" }),
    resume: async (): Promise<void> => turn("/control", { mode: "open" }),
    /** From a change to the netmaps that tell the nodes of it; a node's own first one comes at once. */
    setNewsLatency: async (latencyMs: number): Promise<void> => turn("/news", { latencyMs }),
    cutDerp: async (mode: Mode = "refuse"): Promise<void> => turn("/derp", { mode }),
    /** One way, for everything that is relayed from now on. */
    setDerpLatency: async (latencyMs: number): Promise<void> => turn("/derp", { latencyMs }),
    restoreDerp: async (): Promise<void> => turn("/derp", { mode: "open" }),
    /** One way, for public connections made from now on. */
    setPublicLatency: async (latencyMs: number): Promise<void> => turn("/public", { latencyMs }),
    /** What the public resolver says of one name; without addresses, what the tailnet says. */
    setPublicDns: async (name: string, addresses?: readonly string[]): Promise<void> =>
      turn("/dns", { name, addresses }),
    setPublicDnsMode: async (mode: "ok" | "servfail" | "silent"): Promise<void> => turn("/dns", { mode }),

    seedCertificate: async (leaf: {
      name: string;
      dir: string;
      notBefore?: string;
      notAfter?: string;
    }): Promise<void> => turn("/certificates", leaf),
    reservePort: async (): Promise<number> => (await ask<{ port: number }>("/ports")).port,
    leftovers: async (): Promise<readonly Swept[]> => (await ask<{ processes: Swept[] }>("/leftovers")).processes,
    /** Every tailscaled that names this folder in its arguments or environment is swept at the end. */
    claim: async (path: string): Promise<void> => turn("/leftovers/claim", { path }),
  };
}
