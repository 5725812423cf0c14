import type { Faults } from "./faults.ts";
import type { ServerEvent } from "./front/front.ts";
import type { CallersChanges } from "./people.ts";
import type { CallerName } from "./tailnet.ts";

export interface SandboxOptions {
  /** The tailscale that is imitated, with its holes (1.102.5). */
  readonly version?: string;
  /** What the server serves; more can follow with `serve`. */
  readonly serve?: readonly ServeRequest[];
  /** What is different about the callers. */
  readonly callers?: CallersChanges;
}

/** As `tailscale serve` and `funnel` take it. */
export interface ServeRequest {
  readonly port: number;
  /** `http://127.0.0.1:PORT[/path]`, `unix:/path`, or a port. */
  readonly target: string;
  /** Where below the server's name (`/`). */
  readonly path?: string;
  /** The internet too; on 443, 8443 and 10000. */
  readonly funnel?: boolean;
  readonly acceptAppCaps?: readonly string[];
}

/** Somebody who calls the server. */
export interface SandboxCaller {
  readonly name: CallerName;
  /** In the tailnet; undefined for the internet, which has another with each connection. */
  readonly address: string | undefined;
  /** What Serve tells of it, where it is no tagged device. */
  readonly login: string | undefined;
  /** `http://127.0.0.1:PORT`: HTTP CONNECT, and SOCKS5 on the same port; undefined for the internet. */
  readonly proxy: string | undefined;
  /** The same for everybody, for programs that know no `--connect-to`: the internet's leads to the server alone. */
  readonly tunnel: string;
  /** `HOST:PORT:ADDRESS:PORT` for each port, as curl's `--connect-to` takes it. */
  readonly connectTo: readonly string[];
  /** The URL's curl command, without the program's name. */
  curl(url: string): readonly string[];
}

export interface Sandbox extends AsyncDisposable {
  /** The server's name, `server.tail….ts.net`. */
  readonly host: string;
  readonly suffix: string;
  /** The authority's certificate: PEM, and the file it is in. */
  readonly ca: string;
  readonly caFile: string;
  /** Removed with all that is in it at the end. */
  readonly directory: string;
  readonly callers: Readonly<Record<CallerName, SandboxCaller>>;
  /** Has stand-ins for `tailscale` and `tailscaled`; first on `PATH`, they make `tsmcp up` join this tailnet. */
  readonly binDir: string;
  /** The LocalAPI of the server's tailscaled, which tells who calls. */
  readonly socket: string;
  /** What `tailscale up` may join with, as that user or that tagged node. */
  readonly authKeys: { readonly user: string; readonly agent: string };
  /** The coordination server, for `tailscale up --login-server` and `TSMCP_LOGIN_SERVER`. */
  readonly controlUrl: string;
  /** Tells what goes between the fronts and the servers behind them, until the returned function is called. */
  watchServers(listener: (event: ServerEvent) => void): () => void;
  /** Orders what is to go wrong, from now on. */
  readonly faults: Faults;
  serve(request: ServeRequest): void;
  /** Lets a node in that waits for an administrator; ends the key of one that joined. False where none has that name. */
  approve(node: string): boolean;
  expire(node: string): boolean;
  /** Names a process group that must not outlive the sandbox, even when that is killed. */
  adopt(group: number): void;
  /** The variables a program needs in that caller's place. */
  env(caller?: CallerName): Readonly<Record<string, string>>;
  /** Ends everything and leaves nothing. */
  close(): Promise<void>;
}
