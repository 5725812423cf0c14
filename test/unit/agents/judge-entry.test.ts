import { expect, test } from "vitest";
import { cursor } from "../../../src/agents/cursor.ts";
import { judgeEntry } from "../../../src/agents/judge-entry.ts";

const url = "https://n.t.ts.net:8443/mcp";
const present = new Set(["tsmcp", "npx", "/opt/tsmcp", "bash", "node"]);
const judge = (entry: unknown, kind: "bridge" | "url" = "bridge") =>
  judgeEntry(entry, { dialect: cursor, url, kind, canRun: (command) => present.has(command) });

test.each([
  ["our own form", { command: "tsmcp", args: ["bridge", url] }],
  ["the URL in another spelling", { command: "tsmcp", args: ["bridge", "https://N.t.ts.net.:8443/mcp"] }],
  ["another program", { command: "npx", args: ["-y", "mcp-remote", url, "--debug"], env: { A: "b" } }],
  ["an option that holds the URL", { command: "/opt/tsmcp", args: ["bridge", `--url=${url}`] }],
  ["a shell's command line", { command: "bash", args: ["-c", `exec tsmcp bridge '${url}'`] }],
])("judgeEntry keeps an entry when it runs and names the URL: %s", (_title, entry) => {
  expect(judge(entry)).toEqual({ verdict: "keep" });
});

test.each([
  [{ command: "/gone/tsmcp", args: ["bridge", url] }, 'starts "/gone/tsmcp", which is not there'],
  [{ command: "node", args: ["/gone/bin/tsmcp", "bridge", url] }, 'starts "/gone/bin/tsmcp", which is not there'],
])("judgeEntry mends %j when nothing there can be started", (entry, reason) => {
  expect(judge(entry)).toEqual({ verdict: "mend", reason });
});

test.each([
  [{ command: "tsmcp", args: ["bridge", "https://other.t.ts.net/mcp"] }, "names another URL"],
  [{ command: "/gone/tsmcp", args: ["bridge", url], env: {} }, 'starts "/gone/tsmcp", which is not there'],
  [{ command: "/gone/other", args: [url] }, 'starts "/gone/other", which is not there'],
  [{ url }, "is a url, which Cursor's cloud calls from outside the tailnet"],
  [{ url: "https://other.t.ts.net" }, "names another URL"],
  [{}, "has neither a command nor a url"],
  [null, "has neither a command nor a url"],
  ["text", "has neither a command nor a url"],
  [{ command: 5, args: "x" }, "has neither a command nor a url"],
])("judgeEntry leaves %j as it is when it is somebody's own", (entry, reason) => {
  expect(judge(entry)).toEqual({ verdict: "leave", reason });
});

test("judgeEntry keeps a url when urls are wanted", () => {
  expect(judge({ url }, "url")).toEqual({ verdict: "keep" });
});
