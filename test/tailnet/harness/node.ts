import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BareNode, type BareNodeOptions, type NodeNeeds, startBareNode } from "./bare-node.ts";
import { until } from "./until.ts";

export interface NodeOptions extends BareNodeOptions {
  readonly tags?: readonly string[];
  /** The owner (alice@example.com), unless there are tags. */
  readonly user?: string;
  readonly ephemeral?: boolean;
  /** A key to use instead of a new one of its own. */
  readonly key?: string;
  /** More arguments for `tailscale up`. */
  readonly upArgs?: readonly string[];
  /** Whether the node may use Funnel (what the tailnet's default says). */
  readonly funnel?: boolean;
}

export interface ServeOptions {
  readonly port: number;
  readonly target: string;
  readonly path?: string;
  readonly acceptAppCaps?: readonly string[];
}

/** A node that has joined and has its certificate. */
export interface TailnetNode extends BareNode {
  /** Without a final dot. */
  readonly dnsName: string;
  readonly ip: string;
  serve(options: ServeOptions): Promise<void>;
  funnel(options: Omit<ServeOptions, "acceptAppCaps">): Promise<void>;
}

/** Starts a node, joins it, gives it its certificate, and returns when it is Running. */
export async function startTailnetNode(needs: NodeNeeds, options: NodeOptions): Promise<TailnetNode> {
  const node = await startBareNode(needs, options);
  try {
    await joinTailnet(needs, node, options);
    const self = await running(node);
    await needs.api.seedCertificate({ name: self.dnsName, dir: node.stateDir });
    if (options.funnel !== undefined) await allowFunnel(needs, self.dnsName, options.funnel);
    return withServe(needs, node, self);
  } catch (error) {
    await node.kill();
    throw error;
  }
}

async function joinTailnet(needs: NodeNeeds, node: BareNode, options: NodeOptions): Promise<void> {
  const { tags = [], user, ephemeral = false, upArgs = [] } = options;
  const key = options.key ?? (await needs.api.createKey({ tags, ephemeral, ...(user === undefined ? {} : { user }) }));
  const keyFile = join(needs.dir, "key");
  writeFileSync(keyFile, key, { mode: 0o600 });
  try {
    const login = [`--login-server=${needs.controlUrl}`, `--auth-key=file:${keyFile}`, `--hostname=${node.hostname}`];
    const joined = await node.tailscale(["up", ...login, "--timeout=60s", ...upArgs]);
    if (joined.exitCode !== 0) throw new Error(`${node.hostname} did not join: ${joined.stderr}\n${node.log()}`);
  } finally {
    rmSync(keyFile, { force: true });
  }
}

async function running(node: BareNode): Promise<{ dnsName: string; ip: string }> {
  const { Self } = await node.until("to be Running", (status) => {
    return status.BackendState === "Running" && status.Self?.TailscaleIPs?.[0] !== undefined;
  });
  return { dnsName: (Self?.DNSName ?? "").replace(/\.$/, ""), ip: Self?.TailscaleIPs?.[0] ?? "" };
}

async function allowFunnel(needs: NodeNeeds, node: string, funnel: boolean): Promise<void> {
  await needs.api.setCapabilities(node, { https: true, funnel, funnelPorts: funnel ? "443,8443,10000" : "" });
}

function withServe(needs: NodeNeeds, node: BareNode, self: { dnsName: string; ip: string }): TailnetNode {
  // "serve" and "funnel" fail with "etag mismatch" when two run at once.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const isPublic = async (): Promise<true | undefined> => {
    const nodes = await needs.api.nodes();
    return nodes.some(({ dnsName, funnel }) => dnsName === self.dnsName && funnel) || undefined;
  };
  return {
    ...node,
    ...self,
    get pid() {
      return node.pid;
    },
    serve: (options) => inTurn(() => expose(node, "serve", options)),
    funnel: (options) =>
      inTurn(async () => {
        await expose(node, "funnel", options);
        await until({ what: `${self.dnsName} to be public`, log: () => node.log() }, isPublic);
      }),
    async restart() {
      await node.restart();
      await running(node);
    },
  };
}

async function expose(node: BareNode, verb: "serve" | "funnel", options: ServeOptions): Promise<void> {
  const { port, target, path, acceptAppCaps = [] } = options;
  const args = [verb, "--bg", "--yes", `--https=${port}`];
  if (path !== undefined) args.push(`--set-path=${path}`);
  if (acceptAppCaps.length > 0) args.push(`--accept-app-caps=${acceptAppCaps.join(",")}`);
  const done = await node.tailscale([...args, target]);
  if (done.exitCode !== 0) throw new Error(`tailscale ${args.join(" ")} ${target}: ${done.stdout}${done.stderr}`);
}
