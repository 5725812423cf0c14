import { randomBytes } from "node:crypto";
import { accessSync, constants, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TsmcpError } from "../core/errors.ts";
import { fitsSocketPath } from "../core/socket-path.ts";
import { startGuard } from "../process/guard.ts";
import { startCaller } from "./caller.ts";
import { createAuthority } from "./certificates.ts";
import { startControl } from "./control.ts";
import { type Faults, noFaults } from "./faults.ts";
import { createFront } from "./front/front.ts";
import type { Sandbox, SandboxCaller, SandboxOptions } from "./options.ts";
import { createTailnet, defaultVersion } from "./people.ts";
import { serverSocketName, startPrograms } from "./program/start-programs.ts";
import { withServed } from "./serve-change.ts";
import { type CallerName, callerNames } from "./tailnet.ts";

export type { Faults } from "./faults.ts";
export type { ServerEvent } from "./front/front.ts";
export type { Sandbox, SandboxCaller, SandboxOptions, ServeRequest } from "./options.ts";
export type { CallerName } from "./tailnet.ts";

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Starts an imitation tailnet on loopback: one server, its Serve and Funnel fronts, and callers that differ in what
 * tailscaled says of them. It needs no account and no network, and ends with this process.
 * Throws `unsupported` for a version or a target that is not imitated, and `file-unwritable`.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const tailnet = createTailnet({ version: options.version ?? defaultVersion, callers: options.callers ?? {} });
  for (const request of options.serve ?? []) tailnet.serve = withServed(tailnet.serve, request);
  let setProxies = (_proxy: Faults["proxy"]): void => {};
  const faults = noFaults((proxy) => setProxies(proxy));
  const host = tailnet.server.dnsName;
  const authority = await createAuthority();
  const certificate = await authority.issue({ name: host, notBefore: daysFromNow(-1), notAfter: daysFromNow(29) });
  // tailscaled shows no expired one: it asks for another, and ends the handshake when it gets none.
  const front = createFront(tailnet, (name) =>
    name.toLowerCase() === host && faults.certificate === "valid" ? certificate : undefined,
  );
  const directory = newDirectory();
  // First, so that nothing is ever left.
  const guard = startGuard(directory);
  mkdirSync(directory, { mode: 0o700 });
  const caFile = join(directory, "ca.pem");
  const adopted: number[] = [];
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    front.close();
    await Promise.all(opened.map((part) => part.close()));
    rmSync(directory, { recursive: true, force: true });
    guard.dismiss();
  };
  try {
    writeFileSync(caFile, authority.certificate);
    const started = await Promise.all(callerNames.map((name) => startCaller({ name, tailnet, front, faults, caFile })));
    opened.push(...started);
    const callers = byName(started.map(({ caller }) => caller));
    const control = await startControl(faults);
    opened.push(control);
    const programs = await startPrograms({ directory, tailnet, faults, front });
    opened.push(programs);
    setProxies = (wanted) => {
      for (const { proxy } of started) {
        if (wanted === "dead") proxy?.die();
        else proxy?.revive();
      }
      if (wanted === "dead") programs.killDaemons();
    };
    return {
      host,
      suffix: tailnet.suffix,
      ca: authority.certificate,
      caFile,
      directory,
      callers,
      faults,
      binDir: programs.binDir,
      socket: programs.socket,
      authKeys: programs.authKeys,
      controlUrl: control.url,
      serve(request) {
        tailnet.serve = withServed(tailnet.serve, request);
      },
      watchServers: (listener) => front.watch(listener),
      approve: (node) => programs.approve(node),
      expire: (node) => programs.expire(node),
      adopt(group) {
        adopted.push(group);
        guard.watch(adopted);
      },
      env: (caller = "agent") => environmentOf(callers, caller, caFile),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns a name where files can be made, and sockets: a container's /tmp may be read-only, TMPDIR long. Throws `file-unwritable`. */
function newDirectory(): string {
  const name = `tsmcp-sandbox-${randomBytes(8).toString("hex")}`;
  const places = [...new Set([tmpdir(), "/tmp", "/dev/shm"])];
  for (const place of places) {
    try {
      accessSync(place, constants.W_OK | constants.X_OK);
      const directory = join(realpathSync(place), name);
      if (fitsSocketPath(join(directory, serverSocketName))) return directory;
    } catch {
      // The next one may be better.
    }
  }
  throw new TsmcpError({
    code: "file-unwritable",
    message: `the sandbox can make no folder in ${places.join(", ")}`,
    hint: "name a folder that you may write to with TMPDIR",
    facts: { places },
  });
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * dayMs);
}

function byName(callers: readonly SandboxCaller[]): Readonly<Record<CallerName, SandboxCaller>> {
  const find = (name: CallerName): SandboxCaller => {
    const found = callers.find((caller) => caller.name === name);
    if (found === undefined) throw new Error(`the sandbox has no caller ${name}`);
    return found;
  };
  return {
    user: find("user"),
    agent: find("agent"),
    stranger: find("stranger"),
    guest: find("guest"),
    internet: find("internet"),
  };
}

/** Programs of every kind trust the authority by one of these; tsmcp also needs to be told where the internet is. */
function environmentOf(
  callers: Readonly<Record<CallerName, SandboxCaller>>,
  name: CallerName,
  caFile: string,
): Readonly<Record<string, string>> {
  const { proxy } = callers[name];
  const trust = {
    NODE_EXTRA_CA_CERTS: caFile,
    SSL_CERT_FILE: caFile,
    CURL_CA_BUNDLE: caFile,
    REQUESTS_CA_BUNDLE: caFile,
  };
  const publicWay = { TSMCP_CONNECT_TO: callers.internet.connectTo.join(",") };
  return proxy === undefined
    ? { ...trust, ...publicWay }
    : {
        ...trust,
        ...publicWay,
        TSMCP_PROXY: proxy,
        HTTPS_PROXY: proxy,
        ALL_PROXY: proxy.replace("http://", "socks5h://"),
      };
}
