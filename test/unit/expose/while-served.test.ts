import { expect, test } from "vitest";
import { whileServed } from "../../../src/expose/while-served.ts";

/** A handler at port 8443, and how to lose it. */
function handler() {
  let lose = (): void => {};
  const lost = new Promise<undefined>((resolve) => {
    lose = () => resolve(undefined);
  });
  const own = { service: undefined, port: 8443, mount: "/", target: "http://127.0.0.1:1" };
  return { lose, held: { own, lost, release: async () => {} } };
}

/** Goes on until it is broken off. */
function untilBrokenOff(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("broken off")), { once: true });
  });
}

const nobody = new AbortController().signal;

test("whileServed returns what comes of the work when nothing is lost", async () => {
  expect(await whileServed([handler().held], { signal: nobody }, async () => "proven")).toBe("proven");
});

test("whileServed breaks the work off and names the port when that is served no longer", async () => {
  const { lose, held } = handler();
  const working = whileServed([handler().held, held], { signal: nobody }, untilBrokenOff);
  lose();
  await expect(working).rejects.toMatchObject({
    code: "command-failed",
    message: expect.stringContaining("port 8443 is served no longer"),
  });
});

test("whileServed throws what the work throws when the user breaks it off, lost or not", async () => {
  const user = new AbortController();
  const { lose, held } = handler();
  const working = whileServed([held], user, untilBrokenOff);
  user.abort();
  lose();
  await expect(working).rejects.toThrow("broken off");
});
