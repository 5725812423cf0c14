import { afterEach, describe, expect, test } from "vitest";
import { flawedGates } from "../../peers/gates/flawed.ts";
import { flavours, startGate } from "../../peers/gates/mcp-server.ts";
import { soundGates } from "../../peers/gates/sound.ts";
import { host, startTwoSides } from "./two-sides.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

function keep<Part extends AsyncDisposable>(part: Part): Part {
  open.push(part);
  return part;
}

/** Stock tailscale is not asked here: the tailnet comes by a proxy. */
const skip = ["platform", "tailscale"];

test.each(flavours)("the doctor finds the copied recipe in a server of the flavour %s", async (flavour) => {
  const [recipe] = flawedGates(host);
  const server = keep(await startGate({ gate: recipe?.gate ?? (() => false), flavour }));
  const sides = keep(await startTwoSides({ privatePort: server.port, publicPort: server.port }));
  const report = await sides.examine({ skip });
  expect(report.checks.find(({ id }) => id === "tailnet.tools")).toMatchObject({
    status: "pass",
    facts: { tools: server.tools.length },
  });
  expect(report.checks.find(({ id }) => id === "public.tools")?.status).toBe("pass");
  expect(report.checks.find(({ id }) => id === "separation.host-header")).toMatchObject({
    status: "fail",
    facts: { tools: server.tools.length },
  });
  expect(server.calls).toEqual([]);
});

test.each(flavours)("the doctor passes two listeners of the flavour %s", async (flavour) => {
  const inside = keep(await startGate({ gate: () => true, flavour }));
  const outside = keep(await startGate({ gate: () => false, flavour }));
  const sides = keep(await startTwoSides({ privatePort: inside.port, publicPort: outside.port }));
  const [target] = sides.request.targets;
  const probe = { tool: inside.tools[0] ?? "", arguments: {} };
  const report = await sides.examine({ skip, targets: target === undefined ? [] : [{ ...target, probe }] });
  const notPassed = report.checks.filter(
    ({ status, group }) => status !== "pass" && !(group !== "separation" && status === "skip"),
  );
  expect(notPassed.map(({ id, status }) => `${id} ${status}`)).toEqual([
    ...(flavour === "modern" ? ["tailnet.era warn"] : []),
    ...(flavour === "sessions" ? [] : ["separation.session skip"]),
  ]);
  expect(report.verdict).toBe("pass");
  expect(inside.calls).toEqual([inside.tools[0]]);
  expect(outside.calls).toEqual([]);
});

describe("with one port behind both exposures, the doctor", () => {
  test.each(flawedGates(host))("finds the gate that $name", async ({ gate, found }) => {
    const server = keep(await startGate({ gate }));
    const sides = keep(
      await startTwoSides({ privatePort: server.port, publicPort: server.port, login: "a@example.com" }),
    );
    const report = await sides.examine({ skip });
    const check = report.checks.find(({ id }) => id === found);
    expect(check).toMatchObject({ status: "fail", facts: { tools: server.tools.length } });
    expect(report.verdict).toBe("fail");
    expect(report.requests).toBeLessThanOrEqual(200);
    expect(server.calls).toEqual([]);
  });
});

test.each(soundGates)("the doctor passes the gate that $name", async ({ options }) => {
  const server = keep(await startGate(options));
  const { path } = options;
  const sides = keep(
    await startTwoSides({
      privatePort: server.port,
      publicPort: server.port,
      login: "a@example.com",
      ...(path === undefined ? {} : { path }),
    }),
  );
  const report = await sides.examine({ skip });
  expect(report.checks.filter(({ status }) => status === "fail" || status === "unknown")).toEqual([]);
  expect(report.verdict).toBe("pass");
  expect(report.requests).toBeLessThanOrEqual(200);
});
