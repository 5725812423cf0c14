import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type BareNode, type BareNodeOptions, type NodeNeeds, startBareNode } from "./bare-node.ts";
import { buildRelease, buildTailnet } from "./build.ts";
import { type KeyOptions, type Knobs, knobs } from "./knobs.ts";
import { type NodeOptions, startTailnetNode, type TailnetNode } from "./node.ts";
import { type Program, type Swept, startProgram } from "./program.ts";

export interface TailnetOptions {
  /** The MagicDNS suffix (a new tail….ts.net each time). */
  readonly suffix?: string;
  /** Of the nodes' tailscale and tailscaled, such as `1.90.9`, where it is another than the tests' own. */
  readonly release?: string;
}

export type PublicPort = 443 | 8443 | 10000;
const publicPorts = [443, 8443, 10000] as const;

export interface Tailnet extends AsyncDisposable {
  /** The login server, and the base URL of /api/v2. */
  readonly controlUrl: string;
  readonly apiUrl: string;
  readonly suffix: string;
  readonly caFile: string;
  /** The public resolver, over UDP and TCP. */
  readonly dns: string;
  readonly binDir: string;
  readonly runDir: string;
  readonly pid: number;
  readonly api: Knobs;
  publicAddress(port: PublicPort): string;
  /** HOST:PORT:ADDR:PORT for each public port, as curl's and our --connect-to want it. */
  connectTo(host: string): readonly string[];
  createKey(options?: KeyOptions): Promise<string>;
  startNode(options: NodeOptions): Promise<TailnetNode>;
  /** Starts a daemon that has not logged in. */
  startBareNode(options: BareNodeOptions): Promise<BareNode>;
  /** What a client or a process of the product needs; no proxies. */
  env(): Record<string, string>;
  /** A new folder for a test, gone after `close`; a tailscaled that names it is swept. */
  tempDir(): string;
  /** Puts a certificate where a tailscaled with this state folder finds it, before or after it starts. */
  seedCertificates(dnsName: string, stateDir: string): Promise<void>;
  /** Ends everything, and returns the processes that the product left. Throws when anything of the tailnet's own is left. */
  close(): Promise<readonly Swept[]>;
}

/** Starts a whole tailnet on loopback; the first call on a machine builds it. */
export async function startTailnet(options: TailnetOptions = {}): Promise<Tailnet> {
  const ownBinDir = await buildTailnet();
  const binDir = options.release === undefined ? ownBinDir : await buildRelease(options.release);
  const program = await startProgram(ownBinDir, options.suffix);
  const { ready, runDir, pid } = program;
  const api = knobs(ready.apiUrl);
  const nodes: TailnetNode[] = [];
  const bareNodes: BareNode[] = [];
  const folders = counter(runDir);
  const publicAddress = (port: PublicPort): string => {
    const address = ready.public[port];
    if (address === undefined) throw new Error(`the test tailnet has no public port ${port}`);
    return address;
  };
  const needs = (): NodeNeeds => ({
    api,
    controlUrl: ready.controlUrl,
    binDir,
    caFile: ready.caFile,
    dir: folders("n"),
  });
  let closed: Promise<readonly Swept[]> | undefined;
  const close = (): Promise<readonly Swept[]> => {
    closed ??= endAll(program, [...nodes, ...bareNodes]);
    return closed;
  };
  return {
    controlUrl: ready.controlUrl,
    apiUrl: ready.apiUrl,
    suffix: ready.suffix,
    caFile: ready.caFile,
    dns: ready.dns,
    binDir,
    runDir,
    pid,
    api,
    publicAddress,
    connectTo: (host) => publicPorts.map((port) => `${host}:${port}:${publicAddress(port)}`),
    createKey: api.createKey,
    async startNode(options) {
      const node = await startTailnetNode(needs(), options);
      nodes.push(node);
      await Promise.all(nodes.filter((other) => other !== node).map((other) => knows(other, node)));
      return node;
    },
    async startBareNode(options) {
      const node = await startBareNode(needs(), options);
      bareNodes.push(node);
      return node;
    },
    env: () => ({
      SSL_CERT_FILE: ready.caFile,
      NODE_EXTRA_CA_CERTS: ready.caFile,
      PATH: `${binDir}:${process.env.PATH ?? ""}`,
      TAILNET_SWEEP: runDir,
    }),
    tempDir: () => folders("d"),
    seedCertificates: (name, dir) => api.seedCertificate({ name, dir }),
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

/** A dial to a name that a node does not know yet would ask the system's resolver, so wait until it knows. */
async function knows(other: TailnetNode, node: TailnetNode): Promise<void> {
  if (!other.isRunning()) return;
  const isKnown = (names: readonly { readonly DNSName: string }[]): boolean =>
    names.some(({ DNSName }) => DNSName === `${node.dnsName}.`);
  await other.until(`to know ${node.dnsName}`, ({ BackendState, Peer }) => {
    return BackendState !== "Running" || isKnown(Object.values(Peer ?? {}));
  });
}

async function endAll(program: Program, nodes: readonly BareNode[]): Promise<readonly Swept[]> {
  const pids = [program.pid, ...nodes.map(({ pid }) => pid)];
  await Promise.all(nodes.map((node) => node.kill()));
  const swept = await program.end();
  const left = pids.filter((pid) => existsSync(`/proc/${pid}`));
  if (left.length > 0) throw new Error(`still there after close: ${left.join(", ")}`);
  return swept;
}

function counter(parent: string): (prefix: string) => string {
  let next = 0;
  return (prefix) => {
    next += 1;
    const folder = join(parent, `${prefix}${next}`);
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  };
}
