import { createServer, request } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Exposure, exposure, type Listener } from "../../../../src/gateway/exposure/exposure.ts";
import { listen } from "../../../fakes/listening.ts";
import { temporaryDirectory } from "../../../fakes/temporary-directory.ts";
import { startWhois } from "../../../fakes/whois.ts";

const alice = { StableID: "nAlice", login: "alice@example.com" };
const nodes = { "100.64.0.1": alice };
const ofAlice = { "x-forwarded-for": "100.64.0.1", "tailscale-user-login": "alice@example.com" };
const secretPath = "/0123456789abcdef0123";

/** What `see` says of a real request, over a unix socket or a port. */
async function seenOver(
  way: "socket" | "port",
  tailnet: Exposure,
  { headers, path = "/mcp", listener = "private" }: { headers: object; path?: string; listener?: Listener },
): Promise<unknown> {
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (incoming, response) => {
    void tailnet.see(incoming, listener).then(({ view, caller, ...rest }) => {
      const refusal = "refusal" in rest ? rest.refusal : undefined;
      response.end(JSON.stringify({ view, login: caller?.login, refusal, may: rest.rights.may("tools", "any") }));
    });
  });
  onTestFinished(() => void server.close());
  const socketPath = join(temporaryDirectory(), "s");
  const to = way === "port" ? { port: await listen(server) } : { socketPath };
  if (way === "socket") await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return new Promise((resolve, reject) => {
    const asking = request({ ...to, host: "127.0.0.1", path, method: "POST", headers: { ...headers }, agent: false });
    asking.on("response", (answer) => {
      let body = "";
      answer.on("data", (text) => {
        body += text;
      });
      answer.on("end", () => resolve(JSON.parse(body)));
    });
    asking.on("error", reject).end("{}");
  });
}

const outside = { view: "public", may: false };
const inside = { view: "tailnet", login: "alice@example.com", may: true };

test.each([
  ["socket", "private", "/mcp", inside],
  ["socket", "public", "/mcp", outside],
  ["port", "private", "/mcp", outside],
  ["port", "public", "/mcp", outside],
] as const)(
  "who comes over a %s to the %s listener is believed only where Serve alone can come",
  async (way, listener, path, expected) => {
    const tailnet = exposure({ socket: (await startWhois(nodes)).socket });
    expect(await seenOver(way, tailnet, { headers: ofAlice, path, listener })).toEqual(expected);
  },
);

test.each([
  ["/mcp", outside],
  [`${secretPath}x/mcp`, outside],
  [`${secretPath.toUpperCase()}/mcp`, outside],
  [`${secretPath}/mcp`, inside],
])("the path %s on a port is believed only when it is the secret one", async (path, expected) => {
  const tailnet = exposure({ socket: (await startWhois(nodes)).socket, secretPath });
  expect(await seenOver("port", tailnet, { headers: ofAlice, path })).toEqual(expected);
});

test.each([
  ["no address", {}, outside],
  ["an address of nobody", { "x-forwarded-for": "100.64.0.2" }, outside],
  ["two addresses", { "x-forwarded-for": ["100.64.0.1", "100.64.0.1"] }, outside],
  ["a list of addresses", { "x-forwarded-for": "100.64.0.1, 100.64.0.1" }, outside],
  ["loopback", { "x-forwarded-for": "127.0.0.1" }, outside],
  ["another login", { ...ofAlice, "tailscale-user-login": "bob@example.com" }, outside],
  ["Funnel's mark", { ...ofAlice, "tailscale-funnel-request": "?1" }, outside],
  [
    "a foreign page",
    { ...ofAlice, origin: "https://evil.example" },
    { ...outside, refusal: { status: 403, reason: "a page of somebody else asks" } },
  ],
  [
    "201 header lines",
    { ...ofAlice, ...Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`a-${index}`, "b"])) },
    { ...outside, refusal: { status: 431, reason: "too many header fields" } },
  ],
])("a request with %s is judged as the gateway judges it", async (_what, headers, expected) => {
  const tailnet = exposure({ socket: (await startWhois(nodes)).socket });
  expect(await seenOver("socket", tailnet, { headers })).toEqual(expected);
});

test("who cannot be told is refused, and not taken for the internet, while tailscaled is away", async () => {
  const tailnet = exposure({ socket: join(temporaryDirectory(), "none") });
  expect(await seenOver("socket", tailnet, { headers: ofAlice })).toMatchObject({
    ...outside,
    refusal: { status: 503 },
  });
});

test.each([
  ["to the secret path", `https://n.ts.net${secretPath}/mcp`, ofAlice, "tailnet"],
  ["to another path", "https://n.ts.net/mcp", ofAlice, "public"],
  [
    "with joined addresses",
    `https://n.ts.net${secretPath}/mcp`,
    { "x-forwarded-for": "100.64.0.1, 100.64.0.1" },
    "public",
  ],
])("a web-standard request %s is seen as Node's are", async (_what, url, headers, view) => {
  const tailnet = exposure({ socket: (await startWhois(nodes)).socket, secretPath });
  const seen = await tailnet.see(new Request(url, { method: "POST", headers }), "private");
  expect(seen.view).toBe(view);
});

test("two requests are from the same caller when they are of one person, on whatever device", async () => {
  const both = { ...nodes, "100.64.0.2": { ...alice, StableID: "nOther" }, "100.64.0.3": { ...alice, login: "bob@x" } };
  const tailnet = exposure({ socket: (await startWhois(both)).socket, secretPath });
  const see = (address: string) =>
    tailnet.see(new Request(`https://n${secretPath}/`, { headers: { "x-forwarded-for": address } }), "private");
  const [first, second, third] = await Promise.all([see("100.64.0.1"), see("100.64.0.2"), see("100.64.0.3")]);
  expect([first.isSameCallerAs(second), first.isSameCallerAs(third)]).toEqual([true, false]);
  const outsider = await tailnet.see(new Request("https://n/"), "public");
  expect([first.isSameCallerAs(outsider), outsider.isSameCallerAs(outsider)]).toEqual([false, false]);
});

test.each(["secret", "/short", "/0123456789abcdef0123/", "/with a space 0123456789"])(
  "the secret path %j is refused at once",
  (guessable) => {
    expect(() => exposure({ secretPath: guessable })).toThrow(/at least 20/);
  },
);

const rpc = (method: string, id?: number): string => JSON.stringify({ jsonrpc: "2.0", method, id });
const json = { "content-type": "application/json" };

test.each([
  ["POST", json, rpc("initialize", 1), 200, /"name":"tsmcp-public"/],
  ["POST", json, rpc("tools/list", 1), 200, /"tools":\[\]/],
  ["POST", json, rpc("tools/call", 1), 200, /-32601/],
  ["POST", json, rpc("notifications/initialized"), 202, /^$/],
  ["POST", { "content-type": "text/plain" }, rpc("initialize", 1), 415, /Invalid request/],
  ["POST", json, "x".repeat(65_537), 413, /Invalid request/],
  ["GET", {}, undefined, 405, /Invalid request/],
])(
  "a web-standard %s from outside is answered as the gateway answers the internet",
  async (method, headers, body, status, text) => {
    const tailnet = exposure({ socket: (await startWhois(nodes)).socket });
    const asked = new Request("https://n.ts.net/anything", {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const seen = await tailnet.see(asked, "public");
    if (seen.view !== "public") throw new Error("the public listener shows the public view");
    const answer = await seen.response(asked);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(text);
  },
);
