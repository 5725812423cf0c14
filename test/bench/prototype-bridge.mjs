import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * What a bridge costs at the least: `prototype-bridge.mjs URL PROXY` knows one session, no errors and no limits, and is
 * measured beside ours to tell what is ours from what is Node's.
 */
const [url, proxy] = process.argv.slice(2).map((text) => new URL(text));
let sessionId;
const socket = connect({ host: proxy.hostname, port: Number(proxy.port), noDelay: true });
socket.write(`CONNECT ${url.host} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
socket.once("data", () => {
  const tls = connectTls({ socket, servername: url.hostname, ALPNProtocols: ["h2"] });
  const session = connectHttp2(url.origin, { createConnection: () => tls });
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop();
    for (const line of lines) send(session, line);
  });
});
process.stdin.on("end", () => process.exit());

function send(session, line) {
  const stream = session.request({
    ":method": "POST",
    ":path": url.pathname,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(sessionId === undefined ? {} : { "mcp-session-id": sessionId }),
  });
  const chunks = [];
  stream.on("response", (headers) => {
    sessionId ??= headers["mcp-session-id"];
  });
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => chunks.length > 0 && process.stdout.write(`${Buffer.concat(chunks)}\n`));
  stream.end(line);
}
