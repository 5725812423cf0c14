import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hasSystemdNotify, notifySocket } from "../fakes/notify-socket.ts";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { aliceAddress as from, initialize, rpc } from "../unit/gateway/front.ts";
import { configText, type Service, startService } from "./gateway-service.ts";
import { processesNaming } from "./tsmcp.ts";

const program = fileURLToPath(new URL("../peers/stdio-server.mjs", import.meta.url));

/** A program whose command line holds a word that no other process has. */
const notesIn = (directory: string) => ({
  command: process.execPath,
  args: [program, "legacy", join(directory, "log")],
});
const whoami = { builtin: "whoami" } as const;

async function openSession(service: Service, path = "/mcp/notes"): Promise<string> {
  const { headers, text } = await service.send("private", { from, path, body: initialize });
  const id = headers["mcp-session-id"];
  if (typeof id !== "string") throw new Error(`no session was opened: ${text}`);
  return id;
}

function callTool(service: Service, session: string, name: string, args: object) {
  return service.send("private", { from, session, body: rpc("tools/call", { name, arguments: args }, 7) });
}

test.for(["SIGTERM", "SIGINT"] as const)(
  "%s lets a call have its answer, ends the children and is exit 0",
  async (signal) => {
    const directory = temporaryDirectory();
    const service = await startService({ directory, gateway: { upstreams: { notes: notesIn(directory) } } });
    const session = await openSession(service);
    const path = join(directory, "answered");
    const answer = callTool(service, session, "await", { path });
    await callTool(service, session, "count", {});
    service.child.kill(signal);
    await expect.poll(service.log).toContain("stopping");
    await expect(service.send("private", { from, body: initialize })).rejects.toThrow();
    writeFileSync(path, "");
    expect((await answer).text).toContain("it is there");
    expect((await service.outcome).exitCode).toBe(0);
    expect(processesNaming(directory)).toEqual([]);
  },
);

test("a call that has no answer ten seconds after SIGTERM gets an error that says that it may have run", async () => {
  const directory = temporaryDirectory();
  const service = await startService({ directory, gateway: { upstreams: { notes: notesIn(directory) } } });
  const session = await openSession(service);
  const answer = callTool(service, session, "hold", { key: "k" });
  await callTool(service, session, "count", {});
  service.child.kill("SIGTERM");
  expect((await answer).json).toMatchObject({ error: { data: { mayHaveRun: true } } });
  expect((await service.outcome).exitCode).toBe(0);
  expect(processesNaming(directory)).toEqual([]);
});

test("SIGHUP takes up upstreams and rules; what cannot be used changes nothing and says why", async () => {
  const directory = temporaryDirectory();
  const service = await startService({ directory, gateway: { upstreams: { notes: notesIn(directory) } } });
  const session = await openSession(service);
  const pid = (await callTool(service, session, "pid", {})).text;
  const change = async (text: string, said: string): Promise<void> => {
    writeFileSync(service.configFile, text);
    service.child.kill("SIGHUP");
    await expect.poll(service.log).toContain(said);
  };
  await change(
    configText(directory, { upstreams: { notes: notesIn(directory), who: whoami } }),
    "added who; rules, capability and allowedOrigins hold from now on",
  );
  expect((await service.send("private", { from, path: "/mcp/who", body: initialize })).status).toBe(200);
  await change("{ not JSON", "is not used: ");
  await change(configText(directory, { upstreams: {} }), "there is no upstream to serve");
  await change(
    configText(directory, { upstreams: { notes: { command: "x", env: { KEY: `\${env:NOT_SET_HERE}` } } } }),
    "NOT_SET_HERE",
  );
  chmodSync(service.configFile, 0o620);
  await change(configText(directory, { upstreams: { who: whoami } }), "can be written by others");
  expect((await callTool(service, session, "pid", {})).text).toBe(pid);
  expect((await service.send("private", { from, path: "/mcp/who", body: initialize })).status).toBe(200);
  chmodSync(service.configFile, 0o600);
  await change(configText(directory, { upstreams: { who: whoami } }), "removed notes; rules");
  await expect.poll(() => processesNaming(join(directory, "log"))).toEqual([]);
  await change(configText(join(directory, "x"), { upstreams: { who: whoami } }), "gateway.listen was changed");
});

test.for([
  ["is replaced by renaming", "rename"],
  ["is a link in a folder that is a link, as a ConfigMap is", "links"],
] as const)("a file that %s is noticed without a signal", async ([, how]) => {
  const directory = temporaryDirectory();
  const before = configText(directory, { upstreams: { who: whoami } });
  const after = configText(directory, { upstreams: { who: whoami, again: whoami } });
  const configFile = join(directory, "c.json");
  const put = (version: string, text: string): void => {
    if (how === "rename") {
      writeFileSync(join(directory, `.new`), text, { mode: 0o600 });
      renameSync(join(directory, ".new"), configFile);
      return;
    }
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, "c.json"), text, { mode: 0o644 });
    symlinkSync(version, join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  put("one", before);
  if (how === "links") symlinkSync("..data/c.json", configFile);
  const service = await startService({ directory, configFile, gateway: {} });
  put("two", after);
  await expect.poll(service.log).toContain("added again; rules");
  expect((await service.send("private", { from, path: "/mcp/again", body: initialize })).status).toBe(200);
});

test("a file that is gone takes no rule away", async () => {
  const directory = temporaryDirectory();
  const gateway = { upstreams: { who: whoami }, rules: [{ who: ["nobody@example.com"], tools: ["*"] }] };
  const service = await startService({ directory, gateway });
  const sees = async () => (await service.send("private", { from, path: "/mcp/who", body: rpc("tools/list") })).text;
  const before = await sees();
  renameSync(service.configFile, `${service.configFile}.old`);
  service.child.kill("SIGHUP");
  await expect.poll(service.log).toContain("is not used");
  expect(await sees()).toBe(before);
});

test("a file that others can write starts nothing", async () => {
  const directory = temporaryDirectory();
  const configFile = join(directory, "c.json");
  writeFileSync(configFile, configText(directory, { upstreams: { who: whoami } }));
  chmodSync(configFile, 0o602);
  await expect(startService({ directory, configFile, gateway: {} })).rejects.toThrow("can be written by others");
});

test.runIf(hasSystemdNotify)("a service manager is told of the start, of every reload and of the stop", async () => {
  const { path, messages } = await notifySocket();
  const directory = temporaryDirectory();
  const service = await startService({
    directory,
    gateway: { upstreams: { who: whoami } },
    env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "60000000" },
  });
  await expect.poll(() => messages).toContain("READY=1\nSTATUS=serves /mcp/who /mcp");
  service.child.kill("SIGHUP");
  await expect.poll(service.log).toContain("was read again");
  writeFileSync(service.configFile, "{");
  service.child.kill("SIGHUP");
  await expect.poll(() => messages.at(-1)).toContain("is not used as it is now");
  service.child.kill("SIGTERM");
  expect((await service.outcome).exitCode).toBe(0);
  const told = () => messages.filter((message) => message !== "WATCHDOG=1").map((message) => message.split("\n")[0]);
  // Who reads the socket is a process of its own, and the file is also looked at without a signal.
  await expect.poll(() => told().join(" ")).toMatch(/^READY=1( RELOADING=1 READY=1){2,3} STOPPING=1$/);
  expect(messages).toContain("WATCHDOG=1");
  expect(messages.filter((message) => message.startsWith("RELOADING"))[0]).toMatch(/\nMONOTONIC_USEC=\d+\n/);
});
