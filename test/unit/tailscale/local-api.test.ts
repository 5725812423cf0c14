import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TsmcpError } from "../../../src/core/errors.ts";
import { logOut, readPreferences, readStatus } from "../../../src/tailscale/local-api.ts";
import { temporaryDirectory } from "../../fakes/temporary-directory.ts";

async function serve(listener: RequestListener): Promise<string> {
  return listenOn(createServer(listener));
}

async function listenOn(server: Server): Promise<string> {
  const path = join(temporaryDirectory(), "s");
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  onTestFinished(() => void server.close());
  return path;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing thrown",
    (error: unknown) => (error instanceof TsmcpError ? error.code : "not ours"),
  );
}

test("readStatus and readPreferences ask as tailscaled wants to be asked", async () => {
  const asked: string[] = [];
  const socket = await serve((request, response) => {
    asked.push(`${request.method} ${request.headers.host} ${request.url}`);
    response.end(request.url?.includes("prefs") ? '{"ControlURL":"https://c"}' : '{"BackendState":"Stopped"}');
  });
  const api = { socket, timeoutMs: 30_000 };
  expect((await readStatus(api)).backendState).toBe("Stopped");
  expect((await readPreferences(api)).loginServer).toBe("https://c");
  await logOut(api);
  expect(asked).toEqual([
    "GET local-tailscaled.sock /localapi/v0/status?peers=false",
    "GET local-tailscaled.sock /localapi/v0/prefs",
    "POST local-tailscaled.sock /localapi/v0/logout",
  ]);
});

test("an answer of several pieces is read whole", async () => {
  const health = Array.from({ length: 20_000 }, (_, index) => `line ${index} ä`);
  const socket = await serve((_request, response) => {
    response.end(JSON.stringify({ BackendState: "Running", Health: health }));
  });
  expect((await readStatus({ socket, timeoutMs: 30_000 })).health).toEqual(health);
});

test.each([
  ["refuses", (status: number) => ({ status, body: "access denied" })],
  ["says something else", () => ({ status: 200, body: "<html>" })],
])("a daemon that %s is daemon-failed", async (_title, answerOf) => {
  const { status, body } = answerOf(403);
  const socket = await serve((_request, response) => response.writeHead(status).end(body));
  expect(await codeOf(readStatus({ socket, timeoutMs: 30_000 }))).toBe("daemon-failed");
});

test("nobody, a stranger and silence are dial-failed, within the time", async () => {
  const stranger = await listenOn(createTcpServer((socket) => socket.end("hello\n")));
  const silent = await listenOn(createTcpServer(() => {}).unref());
  const nobody = join(temporaryDirectory(), "s");
  for (const socket of [nobody, stranger, silent]) {
    expect(await codeOf(readStatus({ socket, timeoutMs: 50 }))).toBe("dial-failed");
  }
});

test("a request that is cancelled ends at once", async () => {
  const silent = await listenOn(createTcpServer(() => {}).unref());
  const controller = new AbortController();
  const answer = codeOf(readStatus({ socket: silent, timeoutMs: 60_000, signal: controller.signal }));
  controller.abort("SIGINT");
  expect(await answer).toBe("dial-failed");
});
