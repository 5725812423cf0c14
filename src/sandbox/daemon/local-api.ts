import type { IncomingMessage, ServerResponse } from "node:http";
import { isAddress } from "../../net/address.ts";
import { type HttpServer, startHttpServer } from "../../net/http-server.ts";
import { goJson } from "../front/marks.ts";
import { nodeOfAddress } from "../tailnet.ts";
import { type Daemon, logOut } from "./daemon.ts";
import { whoisJson } from "./node-json.ts";
import { serveJson } from "./serve-json.ts";
import { prefsJson, statusJson, versionText } from "./status-json.ts";

/** Starts a daemon's LocalAPI on its socket. Throws `listen-failed`. */
export function startLocalApi(daemon: Daemon): Promise<HttpServer> {
  return startHttpServer({
    address: { kind: "unix", path: daemon.socket },
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 10_000,
    onRequest: (request, response) => serve(daemon, request, response),
  });
}

interface Answer {
  readonly status: number;
  readonly type: "json" | "text" | "none";
  readonly body: string;
}

/** Source: tailscale `ipn/localapi/localapi.go`. */
function serve(daemon: Daemon, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const host = request.headers.host ?? "";
  const isForeign = host !== "" && host !== "local-tailscaled.sock";
  const isBrowser = request.headers.referer !== undefined || request.headers.origin !== undefined;
  // A coordination server that does not answer keeps a logout waiting.
  const waits = daemon.control.faults.control === "down" && daemon.node !== undefined;
  if (waits && request.url === "/localapi/v0/logout") return;
  const { status, type, body } =
    isForeign || isBrowser ? text(403, "invalid localapi request") : answerTo(daemon, request);
  response.statusCode = status;
  response.setHeader("Tailscale-Version", versionText(daemon.control.tailnet.version));
  response.setHeader("Tailscale-Cap", "142");
  if (type !== "none")
    response.setHeader("Content-Type", type === "json" ? "application/json" : "text/plain; charset=utf-8");
  response.end(body);
}

function answerTo(daemon: Daemon, { url = "", method }: IncomingMessage): Answer {
  const { pathname, searchParams } = new URL(url, "http://localapi");
  const { tailnet } = daemon.control;
  switch (pathname) {
    case "/localapi/v0/status":
      return json(`${goJson(statusJson(daemon, { withPeers: searchParams.get("peers") !== "false" }), "\t")}\n`);
    case "/localapi/v0/prefs":
      return json(`${goJson(prefsJson(daemon), "\t")}\n`);
    case "/localapi/v0/serve-config":
      return json(goJson(daemon.node === tailnet.server ? serveJson(tailnet) : {}));
    case "/localapi/v0/whois":
      return whois(daemon, searchParams.get("addr") ?? "");
    case "/localapi/v0/logout":
      if (method !== "POST") return text(400, "want POST");
      logOut(daemon);
      return { status: 204, type: "none", body: "" };
    default:
      return text(404, "404 page not found");
  }
}

function whois({ control }: Daemon, address: string): Answer {
  const bare = address.replace(/^\[?(.*?)\]?:\d+$/, (whole, host: string) => (isAddress(host) ? host : whole));
  if (!isAddress(bare)) return text(400, "invalid 'addr' parameter");
  const node = nodeOfAddress(control.tailnet, bare);
  if (node === undefined) return text(404, "no match for IP:port");
  return json(goJson(whoisJson(node, versionText(control.tailnet.version)), "\t"));
}

function json(body: string): Answer {
  return { status: 200, type: "json", body };
}

function text(status: number, message: string): Answer {
  return { status, type: "text", body: `${message}\n` };
}
