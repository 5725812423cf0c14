import { afterEach, describe, expect, test } from "vitest";
import { flawedGates } from "../../peers/gates/flawed.ts";
import { startGate } from "../../peers/gates/mcp-server.ts";
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

describe.each(["stateless", "sessions"] as const)("with a server that is %s, the doctor", (flavour) => {
  test.each(flawedGates(host))("finds the gate that $name", async ({ gate, found }) => {
    const server = keep(await startGate({ gate, flavour }));
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
