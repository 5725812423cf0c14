import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { dataOf, parseJsonc } from "../../src/config/jsonc.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { serving } from "./foreground-service.ts";
import { answered, type GatewayProcess, post, sightOf, startGateway } from "./gateway-process.ts";
import { type Machine, machineOn, processesNaming, startTsmcp, tsmcp } from "./tsmcp.ts";

let tailnet: Tailnet;
let server: TailnetNode;
let agent: TailnetNode;
let machine: Machine;

beforeAll(async () => {
  tailnet = await startTailnet();
  [server, agent] = await Promise.all([
    tailnet.startNode({ hostname: "tools", tags: ["tag:server"], funnel: true }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
  machine = machineOn(tailnet);
  for (const what of ["compose", "systemd", "kubernetes"]) {
    expect(await tsmcp(["init", what], machine)).toMatchObject({ exitCode: 0, stderr: "" });
  }
});

afterAll(async () => {
  await tailnet?.close();
});

const pathOf = (name: string): string => join(machine.workspace, "tsmcp", name);
const read = (name: string): string => readFileSync(pathOf(name), "utf8");
const run = (command: string, args: readonly string[], cwd?: string): { status: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd });
  return { status, output: stdout + stderr };
};

describe("what init wrote for a server", () => {
  // The first time Go tells what it downloads, and that is no finding.
  beforeAll(() => {
    const module = fileURLToPath(new URL("../manifests", import.meta.url));
    expect(run("go", ["build", "-o", "/dev/null", "."], module)).toMatchObject({ status: 0 });
  }, 600_000);

  test.each([
    ["compose", "compose.yml"],
    ["dockerfile", "Dockerfile"],
    ["kubernetes", "gateway.yaml"],
  ])("is read by the platform's own parser: %s", { timeout: 300_000 }, (kind, file) => {
    const module = fileURLToPath(new URL("../manifests", import.meta.url));
    expect(run("go", ["run", ".", kind, pathOf(file)], module)).toEqual({ status: 0, output: "" });
    const broken = pathOf(`broken-${file}`);
    writeFileSync(
      broken,
      read(file)
        .replace("read_only: true", "read_onyl: true")
        .replace("RUN npm", "RNU npm")
        .replace("replicas:", "replicsa:"),
    );
    expect(run("go", ["run", ".", kind, broken], module)).toMatchObject({ status: 1 });
  });

  const kustomized = (folder: string): ReturnType<typeof spawnSync> & { readonly stderr: string } => {
    const module = fileURLToPath(new URL("../manifests", import.meta.url));
    return spawnSync("go", ["run", ".", "kustomize", folder], { encoding: "utf8", cwd: module });
  };

  test("is one deployment for kustomize, whose parts the API's own types hold strictly", {
    timeout: 300_000,
  }, () => {
    const { status, stdout, stderr } = kustomized(join(machine.workspace, "tsmcp"));
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/image: registry\.example\.com\/tsmcp:1/);
    // Octal for people, decimal in JSON: only root of the pod reads the key.
    expect(stderr).toMatch(/defaultMode: 256\b/);
  });

  test("is several replicas for kustomize, each with its own name and the key that all share, and shut to the cluster", {
    timeout: 300_000,
  }, () => {
    const { status, stdout, stderr } = kustomized(join(machine.workspace, "tsmcp-replicas"));
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "" });
    const objects: { kind: string; spec?: unknown; data?: Record<string, string> }[] = parseAllDocuments(stderr).map(
      (document) => document.toJS(),
    );
    const specOf = (kind: string): unknown => objects.find((one) => one.kind === kind)?.spec;
    expect(specOf("NetworkPolicy")).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "tsmcp" } },
      policyTypes: ["Ingress"],
      ingress: [],
    });
    expect(specOf("StatefulSet")).toMatchObject({
      replicas: 3,
      template: {
        metadata: { labels: { "app.kubernetes.io/name": "tsmcp" } },
        spec: {
          automountServiceAccountToken: false,
          volumes: expect.arrayContaining([
            { name: "sealing", secret: { secretName: "tsmcp-sealing-key", defaultMode: 256 } },
          ]),
        },
      },
    });
    const text = JSON.stringify(specOf("StatefulSet"));
    expect(text).toContain('{"name":"TS_HOSTNAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}');
    expect(text).toContain(
      '"mountPath":"/run/secrets/tsmcp-sealing-key","name":"sealing","readOnly":true,"subPath":"key"',
    );
    const config = objects.find(({ kind }) => kind === "ConfigMap")?.data ?? {};
    expect(config["gateway.config.json"]).toBe(read("../tsmcp-replicas/gateway.config.json"));
    expect(config["serve.json"]).toBe(read("../tsmcp-replicas/serve.json"));
  });

  test.each(["serve.json", "../tsmcp-replicas/serve.json"])(
    "is a configuration of Serve in %s, strictly",
    (file) => {
      const module = fileURLToPath(new URL("../manifests", import.meta.url));
      expect(run("go", ["run", ".", "serve", pathOf(file)], module)).toEqual({ status: 0, output: "" });
      const broken = join(machine.home, "broken.json");
      writeFileSync(broken, read(file).replace('"Handlers"', '"Handler"'));
      expect(run("go", ["run", ".", "serve", broken], module)).toMatchObject({ status: 1 });
    },
    300_000,
  );

  test.skipIf(!existsSync("/usr/bin/systemd-analyze"))("is a unit that systemd finds nothing wrong with", () => {
    for (const unit of ["tsmcp-gateway.service", "tsmcp-up.service"]) {
      expect(run("systemd-analyze", ["verify", pathOf(unit)])).toEqual({ status: 0, output: "" });
      writeFileSync(pathOf(`broken-${unit}`), read(unit).replace("ExecStart=/usr/bin", "ExecStart=/usr/gone"));
      expect(run("systemd-analyze", ["verify", pathOf(`broken-${unit}`)])).not.toMatchObject({ output: "" });
    }
  });

  test("serves two views with the compose project's serve.json, as containerboot sets it", async () => {
    await using gateway = await gatewayAsConfigured();
    const config = gateway.inHome(read("serve.json")).replaceAll("${TS_CERT_DOMAIN}", server.dnsName);
    const serve = join(gateway.home, "serve.json");
    writeFileSync(serve, config);
    const api = "http://local-tailscaled.sock/localapi/v0/serve-config";
    const set = ["--fail", "--silent", "--unix-socket", server.socket, "--data-binary", `@${serve}`, api];
    expect(run("curl", set)).toEqual({ status: 0, output: "" });
    await expectTwoViews();
  });

  test("goes on with a session at another replica that has the key, and not at one that has another", async () => {
    const keys = ["one", "another"].map((name) => {
      const file = join(machine.home, name);
      writeFileSync(file, `${name.padEnd(44, "x")}\n`, { mode: 0o400 });
      return file;
    });
    const [first, second, stranger] = await Promise.all(
      [keys[0], keys[0], keys[1]].map((key) => startReplica(key ?? "")),
    );
    if (first === undefined || second === undefined || stranger === undefined) throw new Error("a replica is missing");
    const { session, tools } = await sightOf(tailnet, { url: first, from: agent });
    expect(tools).toEqual(["greet"]);
    const list = { jsonrpc: "2.0", id: 2, method: "tools/list" };
    const at = (url: string) =>
      answered(post(tailnet, { url, from: agent, headers: [`Mcp-Session-Id: ${session}`] }, list));
    expect(await at(second)).toMatchObject({ status: 200, json: { result: { tools: [{ name: "greet" }] } } });
    expect(await at(stranger)).toMatchObject({ status: 404 });
  });

  test("is taken by tailscaled as the configuration of a Tailscale Service", async () => {
    const serve = join(machine.home, "service.json");
    writeFileSync(serve, read("../tsmcp-replicas/serve.json").replace("example.ts.net", tailnet.suffix));
    const node = await tailnet.startNode({ hostname: "host", tags: ["tag:server"] });
    const api = "http://local-tailscaled.sock/localapi/v0/serve-config";
    const set = ["--fail", "--silent", "--unix-socket", node.socket, "--data-binary", `@${serve}`, api];
    expect(run("curl", set)).toEqual({ status: 0, output: "" });
    const { stdout } = await node.tailscale(["serve", "status", "--json"]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(serve, "utf8")));
  });

  test("serves two views with the commands of the systemd unit", async () => {
    expect(await server.tailscale(["serve", "reset"])).toMatchObject({ exitCode: 0 });
    await using gateway = await gatewayAsConfigured();
    const commands = [
      ...gateway.inHome(read("tsmcp-gateway.service")).matchAll(/^ExecStartPost=\+\/usr\/bin\/env tailscale (.*)$/gm),
    ];
    expect(commands.length).toBe(2);
    for (const [, args = ""] of commands) {
      expect(await server.tailscale(args.split(" "))).toMatchObject({ exitCode: 0 });
    }
    await expectTwoViews();
  });

  test("stays joined with the command of the systemd unit until it is told to stop", async () => {
    const key = join(machine.home, "authkey");
    writeFileSync(key, await tailnet.createKey({ tags: ["tag:agent"] }), { mode: 0o600 });
    const line = /^ExecStart=\/usr\/bin\/env tsmcp (.*)$/m.exec(read("tsmcp-up.service"))?.[1] ?? "";
    const command = line.replace("/etc/tsmcp/authkey", key).split(" ");
    const service = await serving(machine, startTsmcp([...command, "--json"], machine));
    const steps = Object.fromEntries(service.report.steps.map(({ id, status }) => [id, status]));
    expect(steps).toMatchObject({ login: "done", proxy: "done", "agent-config": "skipped" });
    expect(await service.stop()).toMatchObject({ exitCode: 0, signal: null });
    expect(processesNaming(machine.home)).toEqual([]);
  });
});

/** One pod of the replicas, and the address of its node: without the Service, whose name only Tailscale's own cloud gives. */
async function startReplica(keyFile: string): Promise<string> {
  const node = await tailnet.startNode({ hostname: "replica", tags: ["tag:server"] });
  const home = tailnet.tempDir();
  const text = read("../tsmcp-replicas/gateway.config.json")
    .replaceAll("/run/tsmcp/", `${home}/`)
    .replace("/run/secrets/tsmcp-sealing-key", keyFile);
  const parsed = parseJsonc(text);
  if (parsed.status === "invalid") throw new Error(JSON.stringify(parsed.defects));
  const { gateway } = JSON.parse(JSON.stringify(dataOf(parsed.root)));
  const started = await startGateway(tailnet, node, { home, gateway });
  onTestFinished(() => started[Symbol.asyncDispose]());
  await node.serve({ port: 8443, target: started.json.private.target });
  return `https://${node.dnsName}:8443/mcp`;
}

/** The gateway with the file that was written, but for its folder of sockets. */
async function gatewayAsConfigured(): Promise<
  GatewayProcess & { readonly home: string; inHome(text: string): string }
> {
  const home = tailnet.tempDir();
  const inHome = (text: string): string => text.replaceAll("/run/tsmcp", home);
  const parsed = parseJsonc(inHome(read("gateway.config.json")));
  if (parsed.status === "invalid") throw new Error(JSON.stringify(parsed.defects));
  const { gateway } = JSON.parse(JSON.stringify(dataOf(parsed.root)));
  const started = await startGateway(tailnet, server, { home, gateway });
  return { ...started, home, inHome, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}

async function expectTwoViews(): Promise<void> {
  const inside = await sightOf(tailnet, { url: `https://${server.dnsName}:8443/mcp/whoami`, from: agent });
  expect(inside.tools).toEqual(["greet"]);
  const outside = await sightOf(tailnet, { url: `https://${server.dnsName}/mcp/whoami` });
  expect(outside.tools).toEqual([]);
}
