import { connect } from "node:net";

/** Floods a public listener until it is ended: `flood-public.mjs PORT SHAPE`. Says at the end how often it asked. */
const [port = "0", shape = "calls"] = process.argv.slice(2);
const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { text: "x" } } };
const small = JSON.stringify(message);
const large = JSON.stringify({ ...message, padding: "x".repeat(63 * 1024) });
const requestOf = (body) =>
  `POST /mcp/echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const shapes = {
  /** As many as the listener takes, each as fast as it is answered. */
  // One at a time on each: tailscaled hands on no second request before the answer to the first.
  calls: { connections: 256, bytes: requestOf(small), perTurn: 1 },
  /** A connection for each question, as tailscaled opens most of them. */
  fresh: { connections: 256, bytes: requestOf(small).replace("Host: h", "Host: h\r\nConnection: close"), perTurn: 1 },
  /** As large as it may be. */
  large: { connections: 256, bytes: requestOf(large), perTurn: 1 },
  /** More connections than there may be, which never say what they want. */
  silent: { connections: 1_024, bytes: "POST /mcp/echo HTTP/1.1\r\n", perTurn: 0 },
};
const { connections, bytes, perTurn } = shapes[shape];
let asked = 0;

function open() {
  const socket = connect({ host: "127.0.0.1", port: Number(port) });
  let heard = 0;
  const ask = () => {
    asked += Math.max(perTurn, 1);
    socket.write(bytes);
  };
  socket.on("connect", ask);
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1").split("HTTP/1.1 ").length - 1;
    if (perTurn === 0 || heard < perTurn) return;
    heard = 0;
    // That connection ends.
    if (shape !== "fresh") ask();
  });
  socket.on("error", () => {});
  // Not at once: a sender has a way to go, too.
  socket.on("close", () => setTimeout(open, 5));
}

for (let count = 0; count < connections; count++) open();
process.on("SIGTERM", () => {
  process.stdout.write(`${asked}\n`);
  process.exit(0);
});
