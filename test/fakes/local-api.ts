import { createServer } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Returns the path of a socket that answers as tailscaled's does, with the status that `status` tells. */
export async function startFakeLocalApi(status: () => Record<string, unknown>): Promise<string> {
  const socket = join(temporaryDirectory(), "tailscaled.sock");
  const server = createServer((_request, response) => void response.end(JSON.stringify(status())));
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
  onTestFinished(() => void server.close());
  return socket;
}
