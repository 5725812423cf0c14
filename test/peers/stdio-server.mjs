import { appendFileSync, existsSync, readdirSync, readFile, unwatchFile, watchFile } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/**
 * An MCP server over stdio whose tools do what servers should not: `stdio-server.mjs [legacy|modern] [FILE]`. Each start and
 * each call that has a `mark` is a line in FILE. Plain JavaScript, because tests start it often.
 */
const [era = "legacy", file] = process.argv.slice(2);
const note = (line) => file !== undefined && appendFileSync(file, `${line}\n`);
const write = (text) => process.stdout.write(text);
const send = (message) => write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const text = (id, value) => send({ id, result: { content: [{ type: "text", text: value }] } });
const waiting = new Map();
const lines = [];
let counter = 0;
let lastId = 0;
let opened;

note(`start ${process.pid}`);

const tools = {
  echo: (id, args) => text(id, String(args.text)),
  pid: (id) => text(id, String(process.pid)),
  descriptors: (id) => text(id, readdirSync("/proc/self/fd").join(" ")),
  env: (id) => text(id, JSON.stringify(process.env)),
  reach(id, { text: path }) {
    const said = (error) => text(id, error?.code ?? "reached");
    if (path.endsWith(".sock")) connect(path, () => said()).once("error", said);
    else readFile(path, said);
  },
  ids: (id) =>
    text(
      id,
      JSON.stringify({
        uid: process.getuid(),
        gid: process.getgid(),
        groups: process.getgroups(),
        home: process.env.HOME,
      }),
    ),
  meta: (id, _args, params) => text(id, JSON.stringify(params._meta ?? null)),
  opened: (id) => text(id, JSON.stringify(opened ?? null)),
  count(id) {
    counter += 1;
    text(id, String(counter));
  },
  // Answers only when told: `release` with the same key.
  hold: (id, { key }) => waiting.set(key, id),
  release(id, { key }) {
    const held = waiting.get(key);
    if (held !== undefined) text(held, `released ${key}`);
    text(id, "done");
  },
  // Answers once the file is there.
  await(id, { path }) {
    const look = () => {
      if (!existsSync(path)) return;
      unwatchFile(path, look);
      text(id, "it is there");
    };
    watchFile(path, { interval: 20 }, look);
    look();
  },
  progress(id, { steps }, params) {
    for (let step = 1; step <= steps; step++) {
      send({
        method: "notifications/progress",
        params: { progressToken: params._meta?.progressToken, progress: step, total: steps },
      });
    }
    text(id, "done");
  },
  exit: () => process.exit(3),
  half(id) {
    write(`{"jsonrpc":"2.0","id":${id},"resu`);
    process.stdout.end(() => process.exit(1));
  },
  shut: () => process.stdout.end(),
  giant(id, { bytes }) {
    write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`);
    write("x".repeat(bytes));
    write('"}]}}\n');
  },
  garbage(id) {
    write('not JSON\n\n{"jsonrpc":"1.0"}\n[]\n[1]\n{"a":\u0000}\n');
    process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a]));
    send({ id: 999_999, result: {} });
    send({ id: "1", result: { content: [] } });
    send({ id: null, error: { code: -32700, message: "x" } });
    text(id, "after garbage");
  },
  ask(id, { method, params, answered }) {
    lastId += 1;
    waiting.set(lastId, (answer) => text(id, JSON.stringify(answer)));
    send({ id: lastId, method, params });
    if (answered === false) text(id, "asked");
  },
  // Asks under an id that no number holds, and answers with the line that comes back.
  raw(id, { id: long }) {
    lines.push((line) => text(id, line));
    write(`{"jsonrpc":"2.0","id":${long},"method":"roots/list","params":{"n":${long}}}\n`);
  },
  notify(id, { method, params }) {
    send({ method, params });
    text(id, "told");
  },
  flood() {
    const line = `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } })}\n`;
    const block = line.repeat(1_000);
    const more = () => {
      while (write(block));
      process.stdout.once("drain", more);
    };
    more();
  },
  // Returns once all of it is on its way.
  complain(id, { lines, times = 1 }) {
    const block = lines.map((line) => `${line}\n`).join("");
    let left = times;
    const more = () => {
      left -= 1;
      if (left < 0) text(id, "complained");
      else process.stderr.write(block, more);
    };
    more();
  },
  deaf: () => process.stdin.pause(),
};

const methods = {
  "tools/list": (id) =>
    send({ id, result: { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })) } }),
  "tools/call"(id, params) {
    if (params.arguments?.mark !== undefined) note(params.arguments.mark);
    tools[params.name](id, params.arguments ?? {}, params);
  },
  "resources/subscribe"(id, { uri }) {
    note(`subscribe ${uri}`);
    send({ id, result: {} });
  },
  "resources/unsubscribe"(id, { uri }) {
    note(`unsubscribe ${uri}`);
    send({ id, result: {} });
  },
  "logging/setLevel"(id, { level }) {
    note(`level ${level}`);
    send({ id, result: {} });
  },
  ping: (id) => send({ id, result: {} }),
};

const serverInfo = { name: "stdio", version: "1" };
const capabilities = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
if (era === "legacy") {
  methods.initialize = (id, params) => {
    opened = params;
    send({ id, result: { protocolVersion: params.protocolVersion, capabilities, serverInfo } });
  };
} else {
  methods["server/discover"] = (id) =>
    send({ id, result: { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities, serverInfo } });
  methods["subscriptions/listen"] = (id, params) => {
    const _meta = { "io.modelcontextprotocol/subscriptionId": id };
    waiting.set("listen", _meta);
    send({
      method: "notifications/subscriptions/acknowledged",
      params: { _meta, notifications: params.notifications },
    });
    send({ method: "notifications/tools/list_changed", params: { _meta } });
  };
  methods.initialize = (id) =>
    send({ id, error: { code: -32022, message: "Unsupported protocol version", data: { supported: ["2026-07-28"] } } });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const take = lines.shift();
  if (take !== undefined) return take(line);
  const { id, method, params = {}, result, error } = JSON.parse(line);
  if (method === undefined) {
    waiting.get(id)?.({ result, error });
    waiting.delete(id);
  } else if (id === undefined) note(`${method} ${JSON.stringify(params)}`);
  else if (methods[method] === undefined) send({ id, error: { code: -32601, message: "Method not found" } });
  else methods[method](id, params);
});
