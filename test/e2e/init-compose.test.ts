import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { until } from "../tailnet/harness/until.ts";
import { type Container, imageAt, type Service, startContainer } from "./container.ts";
import { sightOf } from "./gateway-process.ts";
import { openDirectory } from "./open-directory.ts";
import { machineOn, tsmcp } from "./tsmcp.ts";

const isRoot = process.getuid?.() === 0;
let tailnet: Tailnet;

beforeAll(async () => {
  tailnet = await startTailnet();
});

afterAll(async () => {
  await tailnet?.close();
});

interface Compose {
  readonly services: Readonly<Record<"tailscaled" | "gateway", ComposeService>>;
}

interface ComposeService {
  readonly command?: readonly string[];
  readonly hostname?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly secrets?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
}

/** What the image of tailscale/tailscale starts, built from the same release. */
function containerboot(): string {
  const cwd = fileURLToPath(new URL("../manifests", import.meta.url));
  const { stdout, stderr } = spawnSync("go", ["tool", "-n", "containerboot"], { cwd, encoding: "utf8" });
  expect(stdout.trim(), stderr).toMatch(/containerboot$/);
  return stdout.trim();
}

test.skipIf(!isRoot)(
  "the two services of the Compose file show two views, each with a read-only root and no capability",
  { timeout: 600_000 },
  async () => {
    const machine = machineOn(tailnet);
    expect(await tsmcp(["init", "compose"], machine)).toMatchObject({ exitCode: 0, stderr: "" });
    const project = join(machine.workspace, "tsmcp");
    const key = await tailnet.createKey({ tags: ["tag:server"] });
    writeFileSync(join(project, "ts_authkey"), key, { mode: 0o600 });
    const root = openDirectory("tsmcp-compose-");
    await tailnet.api.claim(root);
    await tailnet.api.setDefaultCapabilities({ https: true, funnel: true, funnelPorts: "443,8443,10000" });
    const image = imageAt(join(root, "image"), [
      containerboot(),
      ...["tailscale", "tailscaled"].map((name) => join(tailnet.binDir, name)),
    ]);
    const named = (name: string): string => {
      const directory = join(root, "volumes", name);
      mkdirSync(directory, { recursive: true });
      return directory;
    };
    const { services }: Compose = parseYaml(readFileSync(join(project, "compose.yml"), "utf8"), { merge: true });
    const port = await tailnet.api.reservePort();
    const atPort = (text: string): string => text.replace(":9002", `:${port}`);
    const serviceOf = (service: ComposeService, own: Partial<Service>): Service => {
      // What Docker would see to, and what the namespace does in its stead.
      expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
      const volumes = service.volumes.map((text): [string, string] => {
        const [source = "", place = ""] = text.split(":");
        return [place, source.startsWith("./") ? join(project, source) : named(source)];
      });
      const secrets = (service.secrets ?? []).map((name): [string, string] => [
        `/run/secrets/${name}`,
        join(project, name),
      ]);
      return { command: [], environment: {}, volumes: Object.fromEntries([...volumes, ...secrets]), ...own };
    };
    await tailnet.seedCertificates(`tools.${tailnet.suffix}`, named("state"));
    writeFileSync(join(image, "ca.pem"), readFileSync(tailnet.caFile));
    const { tailscaled, gateway } = services;
    const start = (name: string, service: Service): Container => {
      const place = join(root, name);
      mkdirSync(place);
      const container = startContainer(service, { image, root: place });
      onTestFinished(async () => {
        container.child.kill("SIGKILL");
        await container.outcome;
      });
      return container;
    };
    const environment = Object.entries(tailscaled.environment).map(([name, text]) => [name, atPort(text)]);
    const daemon = start(
      "tailscaled",
      serviceOf(tailscaled, {
        command: ["containerboot"],
        hostname: tailscaled.hostname ?? "",
        environment: {
          ...Object.fromEntries(environment),
          // The tailnet is one of the tests'.
          TS_EXTRA_ARGS: `${tailscaled.environment.TS_EXTRA_ARGS} --login-server=${tailnet.controlUrl}`,
          TS_NO_LOGS_NO_SUPPORT: "true",
          SSL_CERT_FILE: "/mnt/ca.pem",
        },
      }),
    );
    const front = start(
      "gateway",
      serviceOf(gateway, { command: ["tsmcp", ...(gateway.command ?? [])], environment: gateway.environment }),
    );
    const said = { daemon: "", front: "" };
    for (const [name, { child }] of [["daemon", daemon] as const, ["front", front] as const]) {
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on("data", (text) => {
          said[name] += String(text);
        });
      }
    }
    const log = (): string => `${said.daemon}\n${said.front}`;
    const isHealthy = async ({ exec }: Container, { healthcheck }: ComposeService): Promise<true | undefined> => {
      const [, ...argv] = healthcheck.test.map(atPort);
      return (await exec(argv).outcome).exitCode === 0 ? true : undefined;
    };
    await until({ what: "tailscaled to be healthy", log }, () => isHealthy(daemon, tailscaled));
    await until({ what: "the gateway to be healthy", log }, () => isHealthy(front, gateway));
    const agent = await tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] });
    const host = `tools.${tailnet.suffix}`;
    const greets = async (): Promise<true | undefined> =>
      (await sightOf(tailnet, { url: `https://${host}:8443/mcp/whoami`, from: agent })).tools.includes("greet") ||
      undefined;
    await until({ what: "the tools on the tailnet", log }, () => greets().catch(() => undefined));
    expect((await sightOf(tailnet, { url: `https://${host}/mcp/whoami` })).tools).toEqual([]);

    for (const container of [daemon, front]) {
      const status = container.status();
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    }
    const write = await front.exec([
      "sh",
      "-c",
      "for at in / /etc /usr /run /var/lib; do echo x > $at/x; done; : > /tmp/x",
    ]).outcome;
    expect(write.stderr.match(/Read-only file system/g)).toHaveLength(5);
    expect(write.exitCode).toBe(0);
  },
);
