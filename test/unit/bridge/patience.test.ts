import { createServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { isPassing } from "../../../src/bridge/patience.ts";
import { dial } from "../../../src/net/dial.ts";
import { parseProxyUrl } from "../../../src/net/proxy.ts";
import { certificate, privateKey } from "../../fakes/certificate.ts";
import { listen } from "../../fakes/listening.ts";

test("a proxy whose certificate nobody vouches for is not waited for, and the hint is about that", async () => {
  const proxy = createServer({ cert: certificate, key: privateKey });
  proxy.on("tlsClientError", () => {});
  const port = await listen(proxy);
  onTestFinished(() => void proxy.close());
  const route = parseProxyUrl(`https://localhost:${port}`, "--proxy");
  const error: unknown = await dial({ host: "node.ts.net", port: 8443 }, route, { timeoutMs: 10_000 }).catch(
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ facts: { layer: "proxy" }, hint: expect.stringContaining("NODE_EXTRA_CA_CERTS") });
  expect(isPassing(error)).toBe(false);
});

test("a proxy that is not there is waited for", async () => {
  const route = parseProxyUrl("http://127.0.0.1:9", "--proxy");
  const error: unknown = await dial({ host: "node.ts.net", port: 8443 }, route, { timeoutMs: 10_000 }).catch(
    (failure: unknown) => failure,
  );
  expect(isPassing(error)).toBe(true);
});
