import { type FlawedGate, hasEveryHeader, isServe, type Place } from "./flawed.ts";
import { type Seen, startPlainGate } from "./plain-server.ts";

/** Gates on paths, ports and targets. */
export const placeGates: readonly FlawedGate[] = [
  path("compares the path before doubled slashes are one", (target) => target.replace(/\/+/g, "/")),
  path("compares the path before dots are resolved", (target) => new URL(target, "http://x").pathname),
  path("compares the path before it is decoded", (target) => decodeURIComponent(target)),
  path("compares letters that the router does not", (target) => target.toLowerCase()),
  path("compares the path with its last slash", (target) => target.replace(/\/$/, "")),
  path("compares the path with its parameters", (target) => target.replace(/;.*$/, "")),
  {
    name: "has a Funnel target with a path, out of which dots lead",
    found: "separation.paths",
    start: ({ path, tools }) =>
      startPlainGate({
        path,
        tools,
        serves: (target) => tidy(target) === path || tidy(target) === `/public${path}`,
        trusts: ({ target }) => !tidy(target).startsWith("/public/"),
      }),
    exposures: (port) => [
      { verb: "serve", port: 8443, target: `http://127.0.0.1:${port}` },
      { verb: "funnel", port: 443, target: `http://127.0.0.1:${port}/public` },
    ],
  },
  ...([8443, 10_000] as const).map(
    (extra): FlawedGate => ({
      name: `has Funnel on ${extra} as well`,
      found: "separation.ports",
      start: sound,
      exposures: (port) => [
        ...(extra === 8443 ? [] : [{ verb: "serve", port: 8443, target: `http://127.0.0.1:${port}` } as const]),
        { verb: "funnel", port: 443, target: `http://127.0.0.1:${port}` },
        { verb: "funnel", port: extra, target: `http://127.0.0.1:${port}` },
      ],
    }),
  ),
  {
    name: "has a raw TCP Funnel, past which no header is removed",
    found: "separation.identity-headers",
    start: ({ path, tools }) =>
      startPlainGate({ path, tools, trusts: ({ request }) => request.headers["tailscale-user-login"] !== undefined }),
    exposures: (port) => [
      { verb: "serve", port: 8443, target: `http://127.0.0.1:${port}` },
      { verb: "funnel-tcp", port: 443, target: `tcp://127.0.0.1:${port}` },
    ],
  },
];

/** Funnel's requests are let in where the gate's idea of the path is not the server's. */
function path(name: string, tidied: (target: string) => string): FlawedGate {
  return {
    name,
    found: "separation.paths",
    start: ({ path: place, tools }) =>
      startPlainGate({
        path: place,
        tools,
        serves: (target) => safely(tidied, target) === place,
        trusts: ({ request, target }) => target !== place || (hasEveryHeader(request) && isServe(request)),
      }),
  };
}

/** Lets in who asks at 8443, which Funnel may be too. */
function sound({ path: place, tools }: Place) {
  const isTailnetPort = ({ request }: Seen): boolean => String(request.headers["x-forwarded-host"]).endsWith(":8443");
  const isOther = ({ request }: Seen): boolean => String(request.headers["x-forwarded-host"]).endsWith(":10000");
  return startPlainGate({ path: place, tools, trusts: (seen) => isTailnetPort(seen) || isOther(seen) });
}

function tidy(target: string): string {
  return safely((text) => new URL(decodeURIComponent(text).replace(/^\/+/, "/"), "http://x").pathname, target);
}

function safely(work: (target: string) => string, target: string): string {
  try {
    return work(target);
  } catch {
    return target;
  }
}
