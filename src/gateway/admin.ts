import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdminReach } from "./admin-reach.ts";

export interface AdminSide {
  readonly reach: AdminReach;
  readonly isReady: () => Promise<readonly string[]>;
  readonly metrics: { readonly text: () => Promise<string>; readonly contentType: string };
}

/** Answers the operator: `/healthz`, `/readyz` and `/metrics`. That it lives is told to everybody who gets here. */
export async function answerAdmin(request: IncomingMessage, response: ServerResponse, side: AdminSide): Promise<void> {
  request.resume();
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "method not allowed\n");
  if (request.url === "/healthz") return send(response, 200, "ok\n");
  const refusal = await side.reach(request);
  if (refusal !== undefined) return send(response, 403, `${refusal}\n`);
  switch (request.url ?? "") {
    case "/readyz": {
      const reasons = await side.isReady();
      return reasons.length === 0 ? send(response, 200, "ok\n") : send(response, 503, `${reasons.join("\n")}\n`);
    }
    case "/metrics":
      return send(response, 200, await side.metrics.text(), side.metrics.contentType);
    default:
      return send(response, 404, "not found\n");
  }
}

function send(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text);
}
