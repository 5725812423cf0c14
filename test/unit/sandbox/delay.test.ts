import { once } from "node:events";
import { Socket } from "node:net";
import { expect, it } from "vitest";
import { relay } from "../../../src/sandbox/delay.ts";

it("A relay leaves no connection and no listener when its client has gone before it is there", async () => {
  const client = new Socket();
  client.destroy();
  const handedOn = new Promise<Socket>((resolve) => void relay(client, 1, resolve));
  const socket = await handedOn;
  const { localPort = 0 } = socket;
  await once(socket, "close");
  const again = new Socket().connect(localPort, "127.0.0.1");
  await expect(once(again, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
