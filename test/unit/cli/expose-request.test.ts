import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ExposeAsked, type ExposeValues, exposeRequest } from "../../../src/cli/expose-request.ts";
import { createLog } from "../../../src/core/log.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";
import { fakeTerminal } from "./fake-terminal.ts";

const upstreams = { notes: { url: "http://127.0.0.1:9000/mcp" } };

/** Returns what `tsmcp expose --config FILE` asks for, with `gateway` in the file. */
function asked(home: string, gateway: object, values: Partial<ExposeValues> = {}): ExposeAsked {
  const configFile = join(home, "tsmcp.config.json");
  writeFileSync(configFile, JSON.stringify({ gateway: { upstreams, ...gateway } }), { mode: 0o600 });
  const terminal = fakeTerminal({ HOME: home });
  return exposeRequest({ funnel: true, wait: 0, connectTo: [], ...values }, undefined, {
    ...terminal,
    ...{ json: false, quiet: false, verbose: false, color: false },
    ...{ configFile, socket: "/nonexistent/tailscaled.sock" },
    log: createLog({ write: terminal.writeError, verbosity: "normal" }),
    result: () => {},
  });
}

test.each([
  { gateway: { listen: { private: "127.0.0.1:7001" } }, title: "where it listens is another", isSame: false },
  { gateway: { sealingKey: "file:/run/key" }, title: "its key is another", isSame: false },
  { gateway: { capability: "example.com/cap/mcp" }, title: "its capability is another", isSame: false },
  { gateway: { service: "svc:notes" }, title: "it is a Service's", isSame: false },
  { gateway: { rules: [{ who: ["tag:agent"], tools: ["*"] }] }, title: "its rules are others", isSame: true },
  { gateway: { audit: { calls: false } }, title: "what is logged is another", isSame: true },
])("An exposure is the same exposure when $title: $isSame", ({ gateway, isSame }) => {
  const home = temporaryDirectory();
  const [before, after] = [asked(home, {}), asked(home, gateway)];
  expect(after.request.fingerprint === before.request.fingerprint).toBe(isSame);
});

test.each([
  { configured: undefined, typed: undefined, service: undefined },
  { configured: "svc:notes", typed: undefined, service: "svc:notes" },
  { configured: undefined, typed: "svc:Wiki", service: "svc:wiki" },
  { configured: "svc:notes", typed: "svc:wiki", service: "svc:wiki" },
])("Serve and the gateway have the same Service when $typed is typed and $configured configured", (row) => {
  const { configured, typed, service } = row;
  const values = typed === undefined ? {} : { service: typed };
  const gateway = configured === undefined ? {} : { service: configured };
  const found = asked(temporaryDirectory(), gateway, values);
  expect(found.request).toMatchObject({ service, funnel: service === undefined });
  expect(found.gateway.config.service).toBe(service);
});
