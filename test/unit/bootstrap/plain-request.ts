import type { UpRequest } from "../../../src/bootstrap/request.ts";

/** What `up` is asked for where nothing was asked. */
export const plainRequest: UpRequest = {
  node: { loginServer: undefined, hostname: undefined, advertiseTags: [], acceptRoutes: false, shieldsUp: true },
  acquire: {
    version: undefined,
    pins: [],
    mirror: new URL("https://mirror.test/"),
    directory: undefined,
    mayUsePackage: false,
  },
  credential: undefined,
  interactive: false,
  proxy: { host: "127.0.0.1", port: 1055 },
  proxyIsExplicit: false,
  socket: undefined,
  state: { kind: "boot" },
  timeoutMs: 30_000,
  noLogs: false,
  servers: [],
  agents: { workspace: "/w", dialects: [], entry: "bridge", launcher: { command: "tsmcp", leadingArgs: [] } },
  exports: "none",
  verify: true,
  keepsWarm: false,
  dryRun: false,
};
