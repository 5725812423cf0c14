import { describe, expect, test } from "vitest";
import { createGate, createTraffic } from "../../../src/doctor/traffic.ts";

const status = (code: number) => [async () => code, (answer: number) => answer] as const;

describe("the traffic to a server", () => {
  test("stops at its budget, and says so", async () => {
    const traffic = createTraffic({ gate: createGate(8), maxRequests: 2 });
    const sent = await Promise.all([1, 2, 3].map(() => traffic.send("public", ...status(200))));
    expect(sent.map(({ kind }) => kind)).toEqual(["sent", "sent", "held"]);
    expect(sent[2]).toEqual({ kind: "held", reason: "2 requests are enough for one run" });
    expect(traffic.requests).toBe(2);
  });

  test("has at most eight requests under way", async () => {
    const gate = createGate(8);
    let underWay = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const work = (): Promise<number> =>
      new Promise((resolve) => {
        underWay += 1;
        most = Math.max(most, underWay);
        release.push(() => {
          underWay -= 1;
          resolve(200);
        });
        // All that may be in are in once the eighth has come.
        if (underWay === 8) for (const go of release.splice(0)) queueMicrotask(go);
      });
    const [red, blue] = [createTraffic({ gate }), createTraffic({ gate })];
    await Promise.all(
      Array.from({ length: 32 }, (_, index) => (index % 2 === 0 ? red : blue).send("public", work, (code) => code)),
    );
    expect(most).toBe(8);
  });

  test.each([
    { answers: [429], held: true },
    { answers: [500, 502, 503], held: true },
    { answers: [500, 200, 500, 500], held: false },
    { answers: [403, 401, 404, 431], held: false },
  ])("is held after $answers: $held", async ({ answers, held }) => {
    const traffic = createTraffic({ gate: createGate(8) });
    for (const answer of answers) await traffic.send("public", ...status(answer));
    expect((await traffic.send("public", ...status(200))).kind).toBe(held ? "held" : "sent");
    expect((await traffic.send("tailnet", ...status(200))).kind).toBe("sent");
  });
});
