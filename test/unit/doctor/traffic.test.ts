import { describe, expect, test } from "vitest";
import { createGate, createTraffic, type Request } from "../../../src/doctor/traffic.ts";

interface Shape {
  readonly side?: "public" | "tailnet";
  readonly isForged?: boolean;
  /** What an ordinary one in its place gets. */
  readonly ask?: number;
}

function request(code: number | undefined, { side = "public", isForged = false, ask = 200 }: Shape = {}) {
  return {
    side,
    isForged,
    work: async () => code,
    ask: async () => ask,
    outcomeOf: (status: number | undefined) => ({ status, reached: status !== undefined }),
  } satisfies Request<number | undefined>;
}

describe("the traffic to a server", () => {
  test("stops at its budget, says so, and starts anew with a round", async () => {
    const traffic = createTraffic({ gate: createGate(8), maxRequests: 2 });
    const sent = [];
    for (const code of [200, 200, 200]) sent.push(await traffic.send(request(code)));
    expect(sent.map(({ kind }) => kind)).toEqual(["sent", "sent", "held"]);
    expect(sent[2]).toEqual({ kind: "held", reason: "2 requests are enough for one run" });
    traffic.beginRound();
    expect((await traffic.send(request(200))).kind).toBe("sent");
    expect(traffic.requests).toBe(3);
  });

  test("never has more than its budget under way", async () => {
    const traffic = createTraffic({ gate: createGate(8), maxRequests: 2 });
    const sent = await Promise.all([1, 2, 3, 4, 5].map(() => traffic.send(request(200))));
    expect(sent.filter(({ kind }) => kind === "sent")).toHaveLength(2);
  });

  test("keeps a quarter for what is not forged, and for the ends of what was begun", async () => {
    const traffic = createTraffic({ gate: createGate(8), maxRequests: 8 });
    const send = async (more: Partial<Request<number | undefined>>) =>
      (await traffic.send({ ...request(200), ...more })).kind;
    const forged = [];
    for (let time = 0; time < 7; time += 1) forged.push(await send({ isForged: true }));
    expect(forged).toEqual([...Array.from({ length: 6 }, () => "sent"), "held"]);
    expect(await send({ isForged: true, isEnd: true })).toBe("sent");
    expect(await send({})).toBe("sent");
    expect(await send({})).toBe("held");
  });

  test("does not count what never got to the server", async () => {
    const traffic = createTraffic({ gate: createGate(8), maxRequests: 1 });
    for (let time = 0; time < 5; time += 1) await traffic.send(request(undefined));
    expect(traffic.requests).toBe(0);
    expect((await traffic.send(request(200))).kind).toBe("sent");
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
      Array.from({ length: 32 }, (_, index) => (index % 2 === 0 ? red : blue).send({ ...request(200), work })),
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
    for (const answer of answers) await traffic.send(request(answer));
    expect((await traffic.send(request(200))).kind).toBe(held ? "held" : "sent");
    expect((await traffic.send(request(200, { side: "tailnet" }))).kind).toBe("sent");
    expect(traffic.peace === undefined).toBe(!held);
  });

  test("keeps what the server asked for when a round begins", async () => {
    const traffic = createTraffic({ gate: createGate(8) });
    await traffic.send(request(429));
    traffic.beginRound();
    expect((await traffic.send(request(200))).kind).toBe("held");
  });

  test.each([
    { name: "goes on when forged requests fail and an ordinary one does not", ask: 200, kind: "sent" },
    { name: "is held when forged requests fail and an ordinary one too", ask: 502, kind: "held" },
  ])("$name", async ({ ask, kind }) => {
    const traffic = createTraffic({ gate: createGate(8) });
    for (const code of [500, 502, 500]) await traffic.send(request(code, { isForged: true, ask }));
    expect((await traffic.send(request(500, { isForged: true, ask }))).kind).toBe(kind);
    expect(traffic.requests).toBe(kind === "sent" ? 5 : 4);
  });

  test("is held by a 429 to a forged request", async () => {
    const traffic = createTraffic({ gate: createGate(8) });
    await traffic.send(request(429, { isForged: true }));
    expect((await traffic.send(request(200))).kind).toBe("held");
  });
});
