import { createServer } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeRecord } from "../../../src/core/record.ts";
import { rawAgent, startBridge } from "../../fakes/bridge.ts";
import { answerRoutine, startScriptedServer } from "../../fakes/mcp-server.ts";
import { startFakeProxy } from "../../fakes/proxy.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

test("the bridge dials a second time when the server's node knows this one", async () => {
  const HOME = temporaryDirectory();
  const events: string[] = [];
  await using server = await startScriptedServer((seen, reply) => {
    events.push(`server ${String(seen.body.method)}`);
    answerRoutine(seen, reply);
  });
  const names: Record<string, number> = {};
  await using proxy = await startFakeProxy({ names });
  const host = "server.tail1.ts.net";
  const peer = { DNSName: `${host}.`, TailscaleIPs: ["100.64.0.2"], Online: true };
  let pings = 0;
  const daemon = createServer((request, response) => {
    if (request.url === "/localapi/v0/status") return response.end(JSON.stringify({ Peer: { key: peer } }));
    pings += 1;
    // The first one comes before the news.
    if (pings < 2) return undefined;
    events.push(`dials before: ${proxy.asked.length}`);
    names[host] = Number(new URL(server.url).port);
    return response.end("{}");
  });
  const socket = join(HOME, "s");
  await new Promise<void>((resolve) => daemon.listen(socket, resolve));
  onTestFinished(() => {
    daemon.closeAllConnections();
    daemon.close();
  });
  const record = { version: 1, socket, stateDir: HOME, entries: [], exports: [] } as const;
  writeRecord({ env: { HOME } }, { ...record, proxy: { host: "127.0.0.1", port: proxy.port } });
  await using bridge = startBridge({ urls: [`http://${host}/mcp`] }, { HOME });
  expect(await rawAgent(bridge).initialize()).toMatchObject({ result: { serverInfo: {} } });
  expect(events.slice(0, 2)).toEqual(["dials before: 1", "server initialize"]);
  expect(proxy.asked).toHaveLength(2);
});
