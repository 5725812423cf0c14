import { describe, expect, test } from "vitest";
import { serverFromUrl } from "../../../src/config/server.ts";
import { TsmcpError } from "../../../src/core/errors.ts";
import { silentLog } from "../../../src/core/log.ts";
import { type Check, type CheckId, machineCheck, type Outcome, targetCheck } from "../../../src/doctor/check.ts";
import type { MachineContext, TargetContext } from "../../../src/doctor/context.ts";
import { runChecks } from "../../../src/doctor/engine.ts";
import { observation } from "../../../src/doctor/observation.ts";
import { createGate, createTraffic } from "../../../src/doctor/traffic.ts";

const words = {
  source: "https://example.com",
  explain: { proves: "", breaks: "", mend: "" },
  title: "a title",
  timeoutMs: 5_000,
} as const;

function machineStub(id: CheckId, outcome: Outcome, needs: readonly CheckId[] = []): Check {
  return machineCheck({ ...words, id, group: "platform", needs, gather: async () => outcome, judge: (found) => found });
}

function contexts(names: readonly string[], signal = new AbortController().signal) {
  const targets: TargetContext[] = [];
  const machine: MachineContext = {
    request: {
      targets: [],
      only: [],
      skip: [],
      strict: false,
      waitMs: 0,
      vantage: "auto",
      connectTo: [],
      publicDns: undefined,
      headers: [],
      authorized: [],
      capabilities: [],
    },
    world: { env: {}, signal, log: silentLog, socket: undefined },
    signal,
    targets,
  };
  const gate = createGate(8);
  for (const [index, name] of names.entries()) {
    const server = serverFromUrl(`https://${name}.tailnet.ts.net:8443/mcp`, "test", name);
    const target = { server, expectedTools: [], minTools: undefined, publicTools: [], probe: undefined };
    targets.push({ machine, target, index, traffic: createTraffic({ gate }), farewells: [] });
  }
  return { machine, targets };
}

function run(
  catalogue: readonly Check[],
  options: {
    select?: readonly CheckId[];
    ignore?: readonly CheckId[];
    targets?: readonly string[];
    signal?: AbortSignal;
  } = {},
) {
  return runChecks({
    catalogue,
    selected: new Set(options.select ?? catalogue.map(({ id }) => id)),
    ignored: new Set(options.ignore ?? []),
    outOfSight: new Map(),
    ...contexts(options.targets ?? [], options.signal),
  });
}

describe("the engine", () => {
  test("skips what needs a failed check, and names the first cause through a chain", async () => {
    const results = await run([
      machineStub("platform.one", { status: "fail", message: "broken" }),
      machineStub("platform.two", { status: "pass", message: "" }, ["platform.one"]),
      machineStub("platform.three", { status: "pass", message: "" }, ["platform.two"]),
    ]);
    expect(results.map(({ status, message }) => ({ status, message }))).toEqual([
      { status: "fail", message: "broken" },
      { status: "skip", message: "needs platform.one: broken" },
      { status: "skip", message: "needs platform.one: broken" },
    ]);
    expect(results[2]?.facts).toEqual({ need: "platform.one", found: "fail" });
  });

  test.each([
    ["warn", "pass"],
    ["skip", "pass"],
    ["pass", "pass"],
    ["unknown", "skip"],
  ] as const)("after a need that is %s, a check is %s", async (status, expected) => {
    const results = await run([
      machineStub("platform.one", { status, message: "" }),
      machineStub("platform.two", { status: "pass", message: "" }, ["platform.one"]),
    ]);
    expect(results[1]?.status).toBe(expected);
  });

  test("runs a need that was not selected, and leaves it out of the results", async () => {
    const results = await run(
      [
        machineStub("platform.one", { status: "fail", message: "broken" }),
        machineStub("platform.two", { status: "pass", message: "" }, ["platform.one"]),
      ],
      { select: ["platform.two"] },
    );
    expect(results.map(({ id, status }) => ({ id, status }))).toEqual([{ id: "platform.two", status: "skip" }]);
  });

  test("does not wait for a need that the user left out", async () => {
    const results = await run(
      [
        machineStub("platform.one", { status: "fail", message: "broken" }),
        machineStub("platform.two", { status: "pass", message: "" }, ["platform.one"]),
      ],
      { select: ["platform.two"], ignore: ["platform.one"] },
    );
    expect(results[0]?.status).toBe("pass");
  });

  test("calls a check unknown when it does not end in time, and stops its work", async () => {
    let stopped = false;
    const slow = machineCheck<never>({
      ...words,
      id: "platform.slow",
      group: "platform",
      needs: [],
      timeoutMs: 20,
      gather: (_, signal) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            stopped = true;
          });
        }),
      judge: () => ({ status: "pass", message: "" }),
    });
    const [result] = await run([slow]);
    expect(result).toMatchObject({ status: "unknown", message: "no result within 20 ms" });
    expect(stopped).toBe(true);
  });

  test("calls a check unknown when it fails with an error of ours, and lets a bug through", async () => {
    const throwing = (error: Error) =>
      machineCheck<never>({
        ...words,
        id: "platform.bad",
        group: "platform",
        needs: [],
        gather: async () => {
          throw error;
        },
        judge: () => ({ status: "pass", message: "" }),
      });
    const ours = new TsmcpError({ code: "usage-invalid", message: "bad proxy", hint: "mend it" });
    expect((await run([throwing(ours)]))[0]).toMatchObject({
      status: "unknown",
      message: "bad proxy",
      hint: "mend it",
    });
    await expect(run([throwing(new RangeError("a bug"))])).rejects.toThrow("a bug");
  });

  test("ends with the reason when the user gives up", async () => {
    const controller = new AbortController();
    const waiting = machineCheck<never>({
      ...words,
      id: "platform.waiting",
      group: "platform",
      needs: [],
      gather: () => {
        controller.abort(new Error("SIGINT"));
        return new Promise(() => {});
      },
      judge: () => ({ status: "pass", message: "" }),
    });
    await expect(run([waiting], { signal: controller.signal })).rejects.toThrow("SIGINT");
  });

  test("runs a machine's check once and a server's check for each server, in the order of the catalogue", async () => {
    let machineRuns = 0;
    const perServer = targetCheck<string>({
      ...words,
      id: "tailnet.two",
      group: "tailnet",
      needs: ["platform.one"],
      gather: async ({ target }) => target.server.name,
      judge: (name) => ({ status: "pass", message: name }),
    });
    const once = machineCheck<number>({
      ...words,
      id: "platform.one",
      group: "platform",
      needs: [],
      gather: async () => {
        machineRuns += 1;
        return machineRuns;
      },
      judge: () => ({ status: "pass", message: "" }),
    });
    const results = await run([once, perServer], { targets: ["red", "blue"] });
    expect(results.map(({ id, target }) => [id, target])).toEqual([
      ["platform.one", null],
      ["tailnet.two", "red"],
      ["tailnet.two", "blue"],
    ]);
    expect(machineRuns).toBe(1);
  });

  test("skips a server's check when no server was named", async () => {
    const perServer = targetCheck<string>({
      ...words,
      id: "tailnet.tools",
      group: "tailnet",
      needs: [],
      mandatory: true,
      gather: async () => "",
      judge: () => ({ status: "pass", message: "" }),
    });
    expect((await run([perServer]))[0]).toMatchObject({ status: "skip", message: "no server was named", target: null });
  });
});

describe("an observation", () => {
  test("is made once for each context, also when two ask at the same time", async () => {
    let made = 0;
    const look = observation(async ({ index }: { index: number }) => {
      made += 1;
      return index;
    });
    const [one, two] = [{ index: 1 }, { index: 2 }];
    expect(await Promise.all([look(one), look(one), look(two), look(two)])).toEqual([1, 1, 2, 2]);
    expect(made).toBe(2);
  });
});
