import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createRelay } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import type { CheckId } from "../../../src/doctor/check.ts";
import { parseExtraHeader } from "../../../src/doctor/extra-header.ts";
import type { DoctorReport } from "../../../src/doctor/run-doctor.ts";
import { freePort } from "../../../src/net/listening.ts";
import { listen } from "../../fakes/listening.ts";
import { startGate } from "../../peers/gates/mcp-server.ts";
import { host, startTwoSides, type TwoSides } from "./two-sides.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

function keep<Part extends AsyncDisposable>(part: Part): Part {
  open.push(part);
  return part;
}

async function startServer(handle: Handler): Promise<number> {
  const server: Server = createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch(() => response.destroy());
  });
  server.maxHeadersCount = 0;
  const port = await listen(server);
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
  return port;
}

/** A good tailnet side, and `handle` as the public one. */
async function sidesWith(handle: Handler): Promise<TwoSides> {
  const inside = keep(await startGate({ gate: () => true }));
  return keep(await startTwoSides({ privatePort: inside.port, publicPort: await startServer(handle) }));
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const skip = ["platform", "tailscale"];
const statusOf = (report: DoctorReport, id: CheckId) => report.checks.find((check) => check.id === id)?.status;

const tools = (names: readonly string[]) => ({
  jsonrpc: "2.0",
  id: 1,
  result: { tools: names.map((name) => ({ name, inputSchema: { type: "object" } })) },
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const body = await text(request);
  return body === "" ? "{}" : body;
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

describe("a public side that shows nothing", () => {
  test.each([
    { name: "401 to everybody", status: 401, initialize: "warn" },
    { name: "403 to everybody", status: 403, initialize: "warn" },
    { name: "404 to everybody", status: 404, initialize: "warn" },
    { name: "200 without MCP", status: 200, initialize: "warn" },
  ])("passes with $name", async ({ status, initialize }) => {
    const sides = await sidesWith((_, response) => answer(response, status, {}));
    const report = await sides.examine({ skip });
    expect(report.verdict).toBe("pass");
    expect(statusOf(report, "public.tools")).toBe("pass");
    expect(statusOf(report, "public.initialize")).toBe(initialize);
    expect(statusOf(report, "separation.host-header")).toBe("pass");
  });

  test("passes when two of three refusals of a thousand lines are lost on their way", async () => {
    const refused = new Map<string, number>();
    const sides = await sidesWith((request, response) => {
      if (request.rawHeaders.length <= 2_000) return answer(response, 403, {});
      const kind = request.rawHeaders.join();
      const times = (refused.get(kind) ?? 0) + 1;
      refused.set(kind, times);
      return times % 3 === 0 ? answer(response, 431, {}) : void request.socket.destroy();
    });
    const report = await sides.examine({ skip });
    expect(statusOf(report, "separation.header-count")).toBe("pass");
  });

  test("passes when the typed address refuses the connection", async () => {
    const sides = await sidesWith(() => {});
    const port = await freePort();
    const connectTo = [{ host, port: 443, address: "127.0.0.1", toPort: port }];
    const report = await sides.examine({ skip, connectTo });
    expect(report.verdict).toBe("pass");
    expect(statusOf(report, "separation.host-header")).toBe("pass");
  });
});

test("a public side whose typed address ends the handshake is closed, as where Funnel is off", async () => {
  const sides = await sidesWith(() => {});
  const relay = createRelay((socket) => socket.on("error", () => {}).destroy());
  const toPort = await listen(relay);
  open.push({ [Symbol.asyncDispose]: async () => void relay.close() });
  const report = await sides.examine({ skip, connectTo: [{ host, port: 443, address: "127.0.0.1", toPort }] });
  expect(report.checks.find(({ id }) => id === "public.tools")).toMatchObject({
    status: "pass",
    message: expect.stringContaining("as when Funnel is off"),
  });
  expect(report.verdict).toBe("pass");
});

describe("a public side that cannot be judged", () => {
  test.each([429, 500, 503])("is unknown with %i, and is left alone soon", async (status) => {
    let requests = 0;
    const sides = await sidesWith((_, response) => {
      requests += 1;
      answer(response, status, {});
    });
    const report = await sides.examine({ skip });
    expect(report.verdict).toBe("unknown");
    expect(statusOf(report, "public.tools")).toBe("unknown");
    expect(statusOf(report, "separation.host-header")).toBe("skip");
    // Up to eight may be under way when the third one fails.
    expect(requests).toBeLessThanOrEqual(8);
  });

  test.each([301, 302, 303, 307, 308])(
    "is unknown with a redirect (%i) to another host, which it names",
    async (status) => {
      const sides = await sidesWith((_, response) =>
        answer(response, status, {}, { location: "https://login.example/in" }),
      );
      const report = await sides.examine({ skip });
      expect(report.verdict).toBe("unknown");
      expect(report.checks.find(({ id }) => id === "public.tools")).toMatchObject({
        status: "unknown",
        message: `cannot tell: HTTP ${status} to https://login.example/in`,
        facts: { redirect: "https://login.example/in" },
      });
    },
  );

  test("is unknown when the answer has no end, and takes no more than its limit", async () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const sides = await sidesWith((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const pour = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
    });
    const report = await sides.examine({ skip, only: ["public.tools"] });
    expect(report.verdict).toBe("unknown");
    expect(report.checks[0]?.message).toContain("longer than 4194304 bytes");
  });

  test("is unknown when the certificate does not verify", async () => {
    const sides = await sidesWith((_, response) => answer(response, 200, {}));
    const { ca: _ca, ...world } = sides.world;
    const { runDoctor } = await import("../../../src/doctor/run-doctor.ts");
    const report = await runDoctor({ ...sides.request, only: ["public.tools"] }, world);
    expect(report.verdict).toBe("unknown");
  });

  test("is unknown without --connect-to when the name leads to this machine", async () => {
    const sides = await sidesWith((_, response) => answer(response, 200, {}));
    const { runDoctor } = await import("../../../src/doctor/run-doctor.ts");
    const { serverFromSides } = await import("../../../src/config/server.ts");
    const server = serverFromSides(
      "here",
      { tailnetUrl: "https://127.0.0.1:8443/mcp", publicUrl: "https://127.0.0.1/mcp" },
      "test",
    );
    const target = { server, expectedTools: [], minTools: undefined, publicTools: [], probe: undefined };
    const report = await runDoctor(
      { ...sides.request, targets: [target], connectTo: [], only: ["public"] },
      sides.world,
    );
    expect(report.verdict).toBe("unknown");
    expect(report.checks[0]).toMatchObject({ id: "public.address", status: "unknown" });
  });
});

describe("a public side that shows tools", () => {
  test("fails, whatever the server calls them, and shows only plain text", async () => {
    const hostile = "\u001b[2Jwipe\u202e\u0007";
    const sides = await sidesWith((_, response) => answer(response, 200, tools([hostile])));
    const report = await sides.examine({ skip, only: ["public.tools"] });
    expect(report.verdict).toBe("fail");
    expect(report.checks[0]?.facts.names).toEqual(["[2Jwipe"]);
  });

  test("fails when the list comes in an event stream that stays open", async () => {
    const sides = await sidesWith((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: hello\n\nevent: message\ndata: ${JSON.stringify(tools(["leak"]))}\n\n`);
    });
    const report = await sides.examine({ skip, only: ["public.tools"] });
    expect(report.checks[0]).toMatchObject({ status: "fail", facts: { names: ["leak"] } });
  });

  test("fails when the list is on a later page, and a page that names itself ends", async () => {
    let pages = 0;
    const sides = await sidesWith(async (request, response) => {
      pages += 1;
      const { params } = JSON.parse(await bodyOf(request));
      const { result } = tools(params.cursor === undefined ? [] : ["leak"]);
      answer(response, 200, { jsonrpc: "2.0", id: 1, result: { ...result, nextCursor: "again" } });
    });
    const report = await sides.examine({ skip, only: ["public.tools"] });
    expect(report.checks[0]).toMatchObject({ status: "fail", facts: { names: ["leak"] } });
    expect(pages).toBeLessThan(40);
  });

  test("fails when the list comes only to a client that said it is initialized", async () => {
    let initialized = false;
    const sides = await sidesWith(async (request, response) => {
      const { method, id } = JSON.parse(await bodyOf(request));
      if (method === "initialize") {
        const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "x", version: "1" } };
        return answer(response, 200, { jsonrpc: "2.0", id, result }, { "mcp-session-id": "one" });
      }
      if (method === "notifications/initialized") {
        initialized = request.headers["mcp-session-id"] === "one";
        return answer(response, 202, {});
      }
      if (initialized && request.headers["mcp-session-id"] === "one") return answer(response, 200, tools(["leak"]));
      answer(response, 200, { jsonrpc: "2.0", id, error: { code: -32602, message: "Invalid request parameters" } });
    });
    const report = await sides.examine({ skip, only: ["public.tools"] });
    expect(report.checks[0]).toMatchObject({ status: "fail", facts: { names: ["leak"] } });
  });

  test("passes when each of them is allowed, and fails when one is not", async () => {
    const sides = await sidesWith((_, response) => answer(response, 200, tools(["ping", "status_now"])));
    const [target] = sides.request.targets;
    const allow = (publicTools: string[]) => (target === undefined ? [] : [{ ...target, publicTools }]);
    const good = await sides.examine({ skip, only: ["public.tools"], targets: allow(["ping", "status_*"]) });
    const bad = await sides.examine({ skip, only: ["public.tools"], targets: allow(["ping"]) });
    expect([good.verdict, bad.verdict]).toEqual(["pass", "fail"]);
    expect(bad.checks[0]?.facts.names).toEqual(["status_now"]);
  });
});

test("a redirect to another host is not followed, one to another path is", async () => {
  const asked: string[] = [];
  const elsewhere = await startServer((request, response) => {
    asked.push(request.url ?? "");
    response.end();
  });
  const sides = await sidesWith((request, response) => {
    if (request.url === "/mcp") return answer(response, 307, {}, { location: "/mcp/" });
    if (request.url === "/mcp/") return answer(response, 308, {}, { location: `http://127.0.0.1:${elsewhere}/steal` });
    answer(response, 404, {});
  });
  const report = await sides.examine({ skip });
  expect(report.verdict).toBe("unknown");
  expect(asked).toEqual([]);
});

describe("without shown control", () => {
  test("the doctor looks and does not attack", async () => {
    const hosts = new Set<string>();
    const sides = await sidesWith((request, response) => {
      hosts.add(String(request.headers["x-forwarded-host"]));
      answer(response, 403, {});
    });
    const report = await sides.examine({ skip, authorized: [] });
    expect(statusOf(report, "separation.host-header")).toBe("skip");
    expect(report.verdict).toBe("unknown");
    expect([...hosts]).toEqual([host]);
  });
});

test("secrets of the tailnet side never go to the public side, and no report shows them", async () => {
  const seen: string[] = [];
  const sides = await sidesWith((request, response) => {
    seen.push(JSON.stringify(request.rawHeaders));
    answer(response, 200, tools(["leak"]));
  });
  const headers = [parseExtraHeader("Authorization: Bearer ${env:TOKEN}", { TOKEN: "s3cret" })];
  const report = await sides.examine({ skip, headers });
  expect(seen.join("")).not.toContain("s3cret");
  expect(JSON.stringify(report)).not.toContain("s3cret");
  expect(report.checks.find(({ id }) => id === "tailnet.tools")?.reproduce).toContain(
    '-H "authorization: Bearer ${TOKEN}"',
  );
});

test("a header for the tailnet side goes to no host that nobody vouches for", async () => {
  const inside: string[] = [];
  const port = await startServer((request, response) => {
    inside.push(JSON.stringify(request.rawHeaders));
    answer(response, 200, {});
  });
  const sides = keep(await startTwoSides({ privatePort: port, publicPort: port }));
  const headers = [parseExtraHeader("X-Token: ${env:TOKEN}", { TOKEN: "s3cret-value" })];
  const report = await sides.examine({ skip: [...skip, "proxy"], only: ["tailnet"], headers, authorized: [] });
  expect(inside).toEqual([]);
  expect(JSON.stringify(report.checks)).toContain("--header does not go there");
});

test("forged requests are well-formed, name tsmcp, keep to their number and call nothing", async () => {
  const seen: { readonly line: string; readonly headers: readonly string[]; readonly body: string }[] = [];
  let underWay = 0;
  let most = 0;
  const sides = await sidesWith(async (request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    seen.push({
      line: `${request.method} ${request.url}`,
      headers: request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
      body: await bodyOf(request),
    });
    underWay -= 1;
    answer(response, 404, {});
  });
  const report = await sides.examine({ skip });
  expect(report.verdict).toBe("pass");
  expect(report.requests).toBeLessThanOrEqual(200);
  expect(most).toBeLessThanOrEqual(8);
  const names = report.checks.find(({ id }) => id === "tailnet.tools")?.facts.names;
  for (const { line, headers, body } of seen) {
    expect(line).toMatch(/^(GET|POST|PUT|DELETE|PATCH) (\/|https:\/\/)/);
    expect(headers.filter((name) => name === "content-length").length).toBeLessThanOrEqual(1);
    expect(headers.includes("content-length") && headers.includes("transfer-encoding")).toBe(false);
    // What is called is nothing that a server could have.
    if (body.includes("tools/call")) expect(body).toMatch(/"name":"tsmcp-doctor-[0-9a-f-]{36}"/);
    for (const name of Array.isArray(names) ? names : []) expect(body).not.toContain(name);
  }
});

test("a header of a megabyte ends in no verdict, and not in a hang", async () => {
  const sides = await sidesWith((_, response) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(1_000_000)}\r\n\r\n`);
  });
  const report = await sides.examine({ skip, only: ["public.tools"] });
  expect(report.verdict).toBe("unknown");
});

test("a forged request without an answer is no proof", async () => {
  const sides = await sidesWith((request, response) => {
    if (String(request.headers["x-forwarded-host"]).includes("8443")) response.destroy();
    else answer(response, 404, {});
  });
  const report = await sides.examine({ skip, only: ["separation.host-header"] });
  expect(report.checks[0]?.status).not.toBe("pass");
  expect(report.verdict).toBe("unknown");
});

test("a secret that the tailnet side sends back is struck out of the report", async () => {
  const port = await startServer(async (request, response) => {
    await bodyOf(request);
    const error = { code: -32000, message: `bad token: ${String(request.headers["x-token"])}` };
    answer(response, 400, { jsonrpc: "2.0", id: 1, error });
  });
  const sides = keep(await startTwoSides({ privatePort: port, publicPort: port }));
  const headers = [parseExtraHeader("X-Token: ${env:TOKEN}", { TOKEN: "s3cret-value" })];
  const report = await sides.examine({ skip, headers });
  expect(report.checks.find(({ id }) => id === "tailnet.initialize")?.message).toContain("bad token: [secret]");
  expect(JSON.stringify(report)).not.toContain("s3cret-value");
});
