import { chmodSync, cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { connections } from "../bench/connections.ts";
import { openHttpSession } from "../bench/http-session.ts";
import { canRunAsOther, otherUser } from "../fakes/other-user.ts";
import { startTailscaled } from "../fakes/tailscaled.ts";
import { canUnshare } from "../fakes/unshare.ts";
import { startLoneGateway } from "./gateway-alone.ts";
import { copyProduct, openDirectory } from "./open-directory.ts";

const peers = fileURLToPath(new URL("../peers/", import.meta.url));

/** A gateway of a plain user, who can start its servers as nobody else. */
async function plainGateway(upstream: { readonly file: string; readonly namespace?: boolean }) {
  const place = openDirectory("tsmcp-namespace-");
  const launcher = copyProduct(place);
  const program = join(place, "servers", upstream.file);
  mkdirSync(join(place, "servers"));
  cpSync(join(peers, upstream.file), program);
  // As /run/tailscale is: the daemon's, and everybody may speak to it.
  const [daemonDirectory, directory] = [join(place, "daemon"), join(place, "own")];
  for (const path of [daemonDirectory, directory]) mkdirSync(path);
  const daemon = await startTailscaled(daemonDirectory);
  chmodSync(daemon.socket, 0o666);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { namespace } = upstream;
  const pry = { command: process.execPath, args: [program], ...(namespace === undefined ? {} : { namespace }) };
  const gateway = await startLoneGateway({
    directory,
    socket: daemon.socket,
    upstreams: { pry },
    as: { ...otherUser, launcher },
  });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const agent = connections(true);
  onTestFinished(() => agent.destroy());
  const headers = { "x-forwarded-for": "100.64.0.7" };
  const door = { port: gateway.port, path: `${gateway.prefix}/mcp/pry`, headers };
  const aims = {
    sockets: [join(directory, "admin.sock"), daemon.socket],
    files: [join(directory, "home/.local/state/tsmcp/gateway/sealing-key")],
    pid: gateway.pid,
    ports: [gateway.port],
    forged: { ...headers, "tailscale-user-login": "user-100-64-0-7@example.com" },
  };
  return { gateway, aims, session: await openHttpSession(door, agent) };
}

const canTry = canRunAsOther(join(peers, "prying-server.mjs")) && canUnshare(otherUser);

test.runIf(canTry)("a server of the gateway's own user finds no way to what the gateway keeps for itself", async () => {
  const { gateway, aims, session } = await plainGateway({ file: "prying-server.mjs" });
  expect(JSON.parse(await session.call(JSON.stringify(aims), "pry"))).toEqual([]);
  expect(gateway.log()).not.toContain("runs as this user");
});

test.runIf(canTry)("a server that moved what is hidden is not started again, beside the new place", async () => {
  const { gateway, aims, session } = await plainGateway({ file: "prying-server.mjs" });
  const [key = ""] = aims.files;
  await expect(session.call(dirname(dirname(dirname(key))), "flee")).rejects.toThrow();
  await expect(session.call(JSON.stringify(aims), "pry")).rejects.toThrow("what it must not see was moved");
  await expect.poll(gateway.log).toContain("is not the directory that it was");
});

test.runIf(canTry)("the same server finds the ways where it is given no namespace, which is said", async () => {
  const { gateway, aims, session } = await plainGateway({ file: "prying-server.mjs", namespace: false });
  expect(JSON.parse(await session.call(JSON.stringify(aims), "pry"))).toEqual([
    "by its path",
    "by the root, directory or descriptors of a process",
    "by what the gateway holds open, was given, or has in memory",
    "by a signal",
    "by taking away what is mounted",
    "by namespaces of its own",
    "by another name",
  ]);
  await expect.poll(gateway.log).toContain("pry: runs as this user");
});
