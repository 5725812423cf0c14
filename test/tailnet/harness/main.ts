import { once } from "node:events";
import { parseArgs } from "node:util";
import { startEcho } from "./echo.ts";
import { startEverything } from "./everything.ts";
import type { TailnetNode } from "./node.ts";
import { startTailnet, type Tailnet } from "./tailnet.ts";

const { values } = parseArgs({ options: { echo: { type: "boolean" }, peer: { type: "boolean" } } });
const ended = Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));

const tailnet = await startTailnet();
try {
  const backend = values.echo ? await startEcho() : await startEverything(tailnet);
  const [server, peer] = await Promise.all([
    tailnet.startNode({ hostname: "server" }),
    values.peer ? tailnet.startNode({ hostname: "peer", tags: ["tag:agent"] }) : undefined,
  ]);
  await server.serve({ port: 8443, target: backend.url });
  await server.funnel({ port: 443, target: backend.url });
  const key = await tailnet.createKey({ reusable: true, tags: ["tag:agent"] });
  process.stdout.write(instructions(tailnet, { server, peer, key, path: values.echo ? "/" : "/mcp" }));
  await ended;
  await backend.close();
} finally {
  const swept = await tailnet.close();
  for (const { pid, argv } of swept) process.stderr.write(`tailnet: ended ${pid} ${argv.join(" ")}\n`);
}

interface Running {
  readonly server: TailnetNode;
  readonly peer: TailnetNode | undefined;
  readonly key: string;
  readonly path: string;
}

function instructions(tailnet: Tailnet, { server, peer, key, path }: Running): string {
  const privateUrl = `https://${server.dnsName}:8443${path}`;
  const publicUrl = `https://${server.dnsName}${path}`;
  const connectTo = tailnet.connectTo(server.dnsName);
  const proxy = peer?.proxy ?? "127.0.0.1:1055";
  return `
private   ${privateUrl}   (Serve, from inside the tailnet)
public    ${publicUrl}   (Funnel, from the internet of this machine)

In another terminal:
  export SSL_CERT_FILE=${tailnet.caFile} NODE_EXTRA_CA_CERTS=${tailnet.caFile}
  export PATH=${tailnet.binDir}:$PATH

join:
  TS_AUTHKEY=${key} tsmcp up --login-server ${tailnet.controlUrl} --no-logs-no-support --server server=${privateUrl}
look at both sides:
  tsmcp doctor ${privateUrl} ${connectTo.map((mapping) => `--connect-to ${mapping}`).join(" ")} --public-dns ${tailnet.dns}
from inside${peer === undefined ? " (after joining)" : ""}:
  curl --cacert ${tailnet.caFile} --proxy http://${proxy} ${privateUrl}
from the internet:
  curl --cacert ${tailnet.caFile} --connect-to ${connectTo[0]} ${publicUrl}
turn a knob (test/tailnet/knobs.go lists them):
  curl ${tailnet.apiUrl}/nodes -d '{}'

Ctrl-C ends everything, what joined it included.
`;
}
