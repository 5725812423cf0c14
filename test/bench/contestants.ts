import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tsmcp } from "./scene.ts";

/** A bridge, and how it is started so that it reaches `url` through the proxy. */
export interface Contestant {
  readonly name: string;
  readonly command: (url: string, proxy: string) => readonly [string, ...string[]];
  readonly env: (proxy: string) => Readonly<Record<string, string>>;
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const node22 = at("../nodes/node_modules/node-22/bin/node");
const through = (proxy: string): Record<string, string> => ({ HTTPS_PROXY: proxy, https_proxy: proxy });

export const ours: Contestant = {
  name: "tsmcp bridge",
  command: (url, proxy) => [process.execPath, tsmcp, "bridge", url, "--proxy", proxy, "--max-message", "32MiB"],
  env: () => ({}),
};

/** The one that goals are set against. */
export const rival = "mcp-remote 0.15.1";

/** Who else is installed (`npm ci --prefix test/bench/peers`). */
export function peers(): readonly Contestant[] {
  return [
    {
      name: rival,
      path: at("peers/node_modules/mcp-remote/dist/proxy.js"),
      command: (url: string): readonly [string, ...string[]] => [
        ...([process.execPath, at("peers/node_modules/mcp-remote/dist/proxy.js"), url] as const),
        ...["--transport", "http-only", "--enable-proxy"],
      ],
      env: through,
    },
    {
      name: "supergateway 4.0.0",
      path: at("peers/node_modules/supergateway/dist/index.js"),
      // It knows no proxies itself; Node 22 does, told so.
      command: (url: string): readonly [string, ...string[]] => [
        ...([existsSync(node22) ? node22 : process.execPath] as const),
        ...[at("peers/node_modules/supergateway/dist/index.js"), "--streamableHttp", url, "--logLevel", "none"],
      ],
      env: (proxy: string) => ({ ...through(proxy), NODE_USE_ENV_PROXY: "1" }),
    },
  ].filter(({ path }) => existsSync(path));
}
