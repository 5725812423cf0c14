import { afterEach, expect, test, vi } from "vitest";
import { copiedRecipe } from "../../peers/gates/flawed.ts";
import { flavours, startGate } from "../../peers/gates/mcp-server.ts";
import { startTwoSides } from "./two-sides.ts";

// A whole run each, with both sides in this one process.
vi.setConfig({ testTimeout: 60_000 });

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
  const server = keep(await startGate({ gate: copiedRecipe, flavour }));
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
    // The SDK's stateless and session servers hold a stream, or a session, for everybody.
    ...(flavour === "sessions" || flavour === "stateless" ? ["public.flood warn"] : []),
    ...(flavour === "sessions" ? [] : ["separation.session skip"]),
    // Told by the server's own node alone.
    ...["backend", "funnel", "loopback", "host-versions"].map((noun) => `separation.${noun} skip`),
  ]);
  expect(report.verdict).toBe("pass");
  // A session costs three requests; the share that a run may have is 200.
  expect(report.requests).toBeLessThanOrEqual(flavour === "sessions" ? 180 : 150);
  expect(inside.calls).toEqual([inside.tools[0]]);
  expect(outside.calls).toEqual([]);
});
