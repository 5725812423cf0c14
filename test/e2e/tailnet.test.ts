import { Resolver } from "node:dns/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Echo, startEcho } from "../tailnet/harness/echo.ts";
import { everybodyReachesEverybody } from "../tailnet/harness/knobs.ts";
import type { TailnetNode } from "../tailnet/harness/node.ts";
import { startTailnet, type Tailnet } from "../tailnet/harness/tailnet.ts";
import { seenBy, visit } from "../tailnet/harness/visit.ts";

const capability = "example.com/cap/mcp";
const grant = { tools: ["*"] };

let tailnet: Tailnet;
let echo: Echo;
let web: TailnetNode;
let alice: TailnetNode;
let agent: TailnetNode;
let privateUrl: string;
let publicUrl: string;

beforeAll(async () => {
  [tailnet, echo] = await Promise.all([startTailnet(), startEcho()]);
  [web, alice, agent] = await Promise.all([
    tailnet.startNode({ hostname: "web", tags: ["tag:server"] }),
    tailnet.startNode({ hostname: "laptop", user: "alice@example.com" }),
    tailnet.startNode({ hostname: "agent", tags: ["tag:agent"] }),
  ]);
  await tailnet.api.setGrants([
    everybodyReachesEverybody,
    { src: ["tag:agent"], dst: ["tag:server"], app: { [capability]: [grant] } },
  ]);
  await web.serve({ port: 8443, target: echo.url, acceptAppCaps: [capability] });
  await web.funnel({ port: 443, target: echo.url });
  privateUrl = `https://${web.dnsName}:8443/`;
  publicUrl = `https://${web.dnsName}/`;
});

afterAll(async () => {
  await echo?.close();
  expect(await tailnet?.close()).toEqual([]);
});

/** The headers that tailscaled sets, of all that arrived. */
function marks(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => /^(tailscale|x-forwarded)-/.test(name) && name !== "x-forwarded-proto"),
  );
}

describe("a backend behind Funnel", () => {
  it("sees the Funnel mark, the name and the visitor's address when nothing special is sent", async () => {
    const { headers } = await seenBy(tailnet, { url: publicUrl });
    expect(marks(headers)).toEqual({
      "x-forwarded-host": web.dnsName,
      "x-forwarded-for": expect.stringMatching(/^198\.18\.\d+\.\d+$/),
      "tailscale-funnel-request": "?1",
    });
  });

  it("sees another visitor's address in each connection", async () => {
    const first = await seenBy(tailnet, { url: publicUrl });
    const second = await seenBy(tailnet, { url: publicUrl });
    expect(first.headers["x-forwarded-for"]).not.toBe(second.headers["x-forwarded-for"]);
  });

  it.each([
    ["the Host header of HTTP/1.1", (host: string) => ["--http1.1", "-H", `Host: ${host}`]],
    [":authority of HTTP/2", (host: string) => ["--http2", "-H", `Host: ${host}`]],
    ["an absolute-form target", (host: string) => ["--http1.1", "--request-target", `https://${host}/`]],
  ] as const)("sees X-Forwarded-Host with :8443 when the internet sends it in %s", async (_form, args) => {
    const { headers } = await seenBy(tailnet, { url: publicUrl, args: args(`${web.dnsName}:8443`) });
    expect(headers["x-forwarded-host"]).toBe(`${web.dnsName}:8443`);
    expect(headers["tailscale-funnel-request"]).toBe("?1");
  });

  it("does not see forged marks, but those with underscores and names that Serve does not know", async () => {
    const forged = [
      "X-Forwarded-Host: forged",
      "X-Forwarded-For: 100.64.0.9",
      "Tailscale-User-Login: forged@example.com",
      `Tailscale-App-Capabilities: {"${capability}":[{}]}`,
      "Tailscale-Funnel-Request: ?0",
      "Tailscale_User_Login: forged@example.com",
      "X-Real-IP: 100.64.0.9",
    ];
    const { headers } = await seenBy(tailnet, { url: publicUrl, args: forged.flatMap((header) => ["-H", header]) });
    expect(marks(headers)).toEqual({
      "x-forwarded-host": web.dnsName,
      "x-forwarded-for": expect.stringMatching(/^198\.18\./),
      "tailscale-funnel-request": "?1",
    });
    expect(headers).toMatchObject({ tailscale_user_login: "forged@example.com", "x-real-ip": "100.64.0.9" });
  });

  it("is not reached on a port without Funnel", async () => {
    expect(await visit(tailnet, { url: privateUrl })).toMatchObject({ kind: "failed", curlExitCode: 35 });
  });

  it("is reached later when the public path is slow", async () => {
    await tailnet.api.setPublicLatency(60);
    const started = performance.now();
    const slow = await visit(tailnet, { url: publicUrl });
    await tailnet.api.setPublicLatency(0);
    expect(slow).toMatchObject({ kind: "answered", status: 200 });
    expect(performance.now() - started).toBeGreaterThan(4 * 60); // TLS and the request: two round trips
  });
});

describe("a backend behind Serve", () => {
  it("sees the login of an untagged peer", async () => {
    const { headers } = await seenBy(tailnet, { url: privateUrl, from: alice });
    expect(marks(headers)).toEqual({
      "x-forwarded-host": `${web.dnsName}:8443`,
      "x-forwarded-for": alice.ip,
      "tailscale-user-login": "alice@example.com",
      "tailscale-user-name": "Alice",
      "tailscale-user-profile-pic": "",
      "tailscale-headers-info": "https://tailscale.com/s/serve-headers",
    });
  });

  it("sees the app capabilities, and no login, of a tagged peer", async () => {
    const { headers } = await seenBy(tailnet, { url: privateUrl, from: agent });
    expect(marks(headers)).toEqual({
      "x-forwarded-host": `${web.dnsName}:8443`,
      "x-forwarded-for": agent.ip,
      "tailscale-app-capabilities": JSON.stringify({ [capability]: [grant] }),
    });
  });

  it("sees no mark at all of a tagged peer on the Funnel port", async () => {
    const { headers } = await seenBy(tailnet, { url: publicUrl, from: agent });
    expect(marks(headers)).toEqual({ "x-forwarded-host": web.dnsName, "x-forwarded-for": agent.ip });
  });

  it("learns a caller's node, tags and grants from whois", async () => {
    const whois = await web.tailscale(["whois", "--json", agent.ip]);
    expect(JSON.parse(whois.stdout)).toMatchObject({
      Node: { Name: `${agent.dnsName}.`, Tags: ["tag:agent"] },
      UserProfile: { LoginName: "tagged-devices" },
      CapMap: { [capability]: [grant] },
    });
  });
});

describe("a grant", () => {
  it("opens the ports it names and no others", async () => {
    await tailnet.api.setGrants([{ src: ["tag:agent"], dst: ["web"], ip: ["tcp:8443"] }]);
    await agentSees(8443);
    expect(await visit(tailnet, { url: publicUrl, from: agent, timeoutMs: 1_000 })).toMatchObject({ kind: "failed" });
    expect(await visit(tailnet, { url: privateUrl, from: alice, timeoutMs: 1_000 })).toMatchObject({ kind: "failed" });
    expect(await visit(tailnet, { url: publicUrl })).toMatchObject({ kind: "answered", status: 200 });
    await tailnet.api.setGrants();
  });

  /** The filter is in force once whois on the server no longer has the capability of before. */
  async function agentSees(port: number): Promise<void> {
    await expect
      .poll(async () => JSON.parse((await web.tailscale(["whois", "--json", agent.ip])).stdout).CapMap ?? null)
      .toBeNull();
    const url = `https://${web.dnsName}:${port}/`;
    expect(await visit(tailnet, { url, from: agent })).toMatchObject({ kind: "answered", status: 200 });
  }
});

describe("public DNS", () => {
  it("knows a node while it uses Funnel, answers what a test says, and can fail", async () => {
    const resolver = new Resolver({ timeout: 30_000, tries: 1 });
    resolver.setServers([tailnet.dns]);
    expect(await resolver.resolve4(web.dnsName)).toEqual(["203.0.113.1"]);
    await expect(resolver.resolve4(alice.dnsName)).rejects.toMatchObject({ code: "ENOTFOUND" });
    await tailnet.api.setPublicDns(web.dnsName, ["100.64.0.1", "fd7a:115c:a1e0::1"]);
    expect(await resolver.resolve4(web.dnsName)).toEqual(["100.64.0.1"]);
    expect(await resolver.resolve6(web.dnsName)).toEqual(["fd7a:115c:a1e0::1"]);
    await tailnet.api.setPublicDns(web.dnsName);
    await tailnet.api.setPublicDnsMode("servfail");
    await expect(resolver.resolve4(web.dnsName)).rejects.toMatchObject({ code: "ESERVFAIL" });
    await tailnet.api.setPublicDnsMode("ok");
  });
});
