import { setMaxListeners } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { catalogue } from "../../../src/doctor/catalogue.ts";
import type { TargetContext } from "../../../src/doctor/context.ts";
import { type CheckResult, runChecks } from "../../../src/doctor/engine.ts";
import { selectChecks } from "../../../src/doctor/selection.ts";
import { createGate, createTraffic } from "../../../src/doctor/traffic.ts";
import { startGate } from "../../peers/gates/mcp-server.ts";
import { startTwoSides, type TwoSides } from "./two-sides.ts";

// Many whole runs, with both sides in this one process.
vi.setConfig({ testTimeout: 60_000 });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

function keep<Part extends AsyncDisposable>(part: Part): Part {
  open.push(part);
  return part;
}

async function examineWith(sides: TwoSides, { tool, maxRequests }: { tool: string; maxRequests: number }) {
  const targets: TargetContext[] = [];
  const { world, request } = sides;
  const { signal } = world;
  // As many listen as requests are under way; that is no leak.
  setMaxListeners(0, signal);
  const machine = { request, world, signal, targets };
  const traffic = createTraffic({ gate: createGate(8), maxRequests });
  for (const [index, target] of request.targets.entries()) {
    const probe = { tool, arguments: {} };
    targets.push({ machine, target: { ...target, probe }, index, traffic, farewells: [] });
  }
  const selection = selectChecks(catalogue, { only: ["tailnet", "public", "separation"], skip: [] });
  const checks = await runChecks({ catalogue, ...selection, outOfSight: new Map(), machine, targets });
  for (const { farewells } of targets) for (const farewell of farewells) await farewell();
  return { checks, requests: traffic.requests };
}

const isFinding = ({ status }: CheckResult): boolean => status === "fail";

test.each(["sessions", "dual"] as const)(
  "a run that is short of requests fails nothing in a sound server of the flavour %s",
  async (flavour) => {
    const inside = keep(await startGate({ gate: () => true, flavour }));
    const outside = keep(await startGate({ gate: () => false, flavour }));
    const sides = keep(await startTwoSides({ privatePort: inside.port, publicPort: outside.port }));
    const [tool = ""] = inside.tools;
    let seenShort = 0;
    for (const maxRequests of [1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 26, 34, 50, 90]) {
      const { checks, requests } = await examineWith(sides, { tool, maxRequests });
      expect(checks.filter(isFinding), `with ${maxRequests} requests`).toEqual([]);
      expect(requests).toBeLessThanOrEqual(maxRequests);
      if (checks.some(({ message }) => message.includes("enough for one run"))) seenShort += 1;
    }
    expect(seenShort).toBe(14);
  },
);
