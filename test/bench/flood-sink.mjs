import { createServer } from "node:net";

/**
 * A public listener that does next to nothing: it has as many connections as the gateway's, and gives so many constant
 * answers a second. What calls elsewhere suffer beside it, the sender of the flood and the machine have done.
 * `flood-sink.mjs SHAPE ANSWERS_PER_SECOND`; says its port.
 */
const [shape = "calls", perSecond = "400"] = process.argv.slice(2);
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const waiting = [];
const server = createServer({ noDelay: true }, (socket) => {
  socket.setTimeout(5_000, () => socket.destroy());
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (chunk.includes("\r\n\r\n")) waiting.push(socket);
  });
});
server.maxConnections = 256;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
const startMs = performance.now();
let answered = 0;
setInterval(() => {
  for (const due = ((performance.now() - startMs) * Number(perSecond)) / 1_000; answered < due; answered += 1) {
    const socket = waiting.shift();
    if (shape === "calls") socket?.write(answer);
    else socket?.end(answer);
  }
}, 2);
