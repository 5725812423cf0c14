// Run in a network of its own: gives its loopback the ports of another one's, by a unix socket, which both have.
import { connect, createServer } from "node:net";

const [socketPath, ...ports] = process.argv.slice(2);

await Promise.all(ports.map((port) => listen(Number(port))));
process.stdout.write("ready\n");
// Whoever started us holds the other end, also when it is killed.
process.stdin.on("end", () => process.exit(0)).resume();

function listen(port) {
  const server = createServer((inner) => {
    const outer = connect(socketPath);
    outer.write(`${port}\n`);
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ]) {
      one.on("error", () => other.destroy());
      one.pipe(other);
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
}
