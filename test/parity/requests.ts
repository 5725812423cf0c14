import type { ParityCaller } from "./world.ts";

/** A request by curl, and the rule of tailscaled that it shows. */
export interface RequestCase {
  readonly title: string;
  readonly caller: ParityCaller;
  /** From the port on, such as `:8443/mcp`. */
  readonly url: string;
  readonly args?: readonly string[];
}

const http1 = "--http1.1";
const header = (...lines: string[]): string[] => lines.flatMap((line) => ["-H", line]);
const everybody: readonly ParityCaller[] = ["user", "agent", "stranger", "guest"];

/** 8443: `/` and `/mcp` (which accepts the capability); 443: Funnel, to a path; 10000: Funnel, with mounts. */
export const requestCases: readonly RequestCase[] = [
  ...everybody.flatMap((caller): RequestCase[] => [
    { title: `${caller} asks over HTTP/2`, caller, url: ":8443/" },
    { title: `${caller} asks over HTTP/1.1`, caller, url: ":8443/", args: [http1] },
    { title: `${caller} asks the mount that takes capabilities`, caller, url: ":8443/mcp" },
    { title: `${caller} asks the port with Funnel`, caller, url: "/" },
  ]),
  { title: "the internet asks over HTTP/2", caller: "internet", url: "/" },
  { title: "the internet asks over HTTP/1.1", caller: "internet", url: "/", args: [http1] },
  { title: "the internet asks a port without Funnel", caller: "internet", url: ":8443/" },
  ...[[http1], ["--http2"]].flatMap((version): RequestCase[] => [
    {
      title: `a client names another Host ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [...version, ...header("Host: node.example:8443")],
    },
    {
      title: `a client forges every mark ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [
        ...version,
        ...header(
          "X-Forwarded-Host: forged",
          "X-Forwarded-For: 100.64.0.9",
          "X-Forwarded-Proto: http",
          "Forwarded: for=100.64.0.9",
          "Tailscale-User-Login: forged@example.com",
          "Tailscale-User-Name: forged",
          "Tailscale-User-Profile-Pic: forged",
          "Tailscale-Headers-Info: forged",
          "Tailscale-App-Capabilities: {}",
          "Tailscale-Funnel-Request: ?0",
          "Tailscale-Other: kept",
          "Tailscale_User_Login: forged@example.com",
          "Tailscale_App_Capabilities: {}",
          "X-Real-IP: 100.64.0.9",
          "X-Original-Host: forged",
          "X-Forwarded-Port: 8443",
          "X-Tailscale-User: forged",
        ),
      ],
    },
    {
      title: `a client sends lines in any order and case ${version.join()}`,
      caller: "user",
      url: ":8443/",
      args: [...version, ...header("zz: 1", "AA: 2", "zZ: 3", "x_y: 4", "a1-b2-c: 5", "v: \u00e9", "empty;")],
    },
    {
      title: `a client sends cookies ${version.join()}`,
      caller: "user",
      url: ":8443/",
      args: [...version, ...header("Cookie: a=1")],
    },
    {
      title: `a client sends a body ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [...version, "-d", "hello"],
    },
    {
      title: `a client posts nothing ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [...version, "-X", "POST"],
    },
    { title: `a client deletes ${version.join()}`, caller: "internet", url: "/", args: [...version, "-X", "DELETE"] },
    { title: `a client asks for the head ${version.join()}`, caller: "internet", url: "/", args: [...version, "-I"] },
    {
      title: `a client names no agent and accepts its own encoding ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [...version, "-A", "", ...header("Accept:", "Accept-Encoding: br")],
    },
    {
      title: `a client asks for a range ${version.join()}`,
      caller: "internet",
      url: "/",
      args: [...version, "-r", "0-5"],
    },
  ]),
  {
    title: "a client names marks in Connection",
    caller: "internet",
    url: "/",
    args: [http1, ...header("Connection: Tailscale-Funnel-Request, X-Forwarded-Host, aa, TE", "aa: 1", "TE: trailers")],
  },
  {
    title: "a client sends an absolute-form target",
    caller: "internet",
    url: "/",
    args: [http1, "--request-target", "https://node.example:8443/a?b"],
  },
  { title: "a client sends no Host", caller: "internet", url: "/", args: [http1, ...header("Host:")] },
  {
    title: "a client asks for an upgrade",
    caller: "internet",
    url: "/",
    args: [http1, ...header("Connection: Upgrade", "Upgrade: websocket")],
  },
  {
    title: "a client sends a chunked body",
    caller: "internet",
    url: "/",
    args: [http1, ...header("Transfer-Encoding: chunked"), "-d", "hello"],
  },
  {
    title: "a client asks the server as a whole",
    caller: "internet",
    url: "/",
    args: [http1, "-X", "OPTIONS", "--request-target", "*"],
  },
  { title: "a header's name is none", caller: "internet", url: "/", args: [http1, ...header("\u00e9: 1")] },
  ...[
    "/mcp",
    "/mcp/",
    "/mcp/a/b",
    "/mcpx",
    "/a/../mcp",
    "/mcp/../x",
    "/mcp/../../mcp",
    "/%2e%2e/mcp",
    "/..%2fmcp",
    "/mcp/%2e%2e/x",
    "//mcp",
    "/mcp//a",
    "/a%2Fb%20c",
    "/mcp/a%2fb",
    '/a"b<c>|d{}^`',
    "/!'()*[]@:;,=&+$~",
    "/%21%27%7e",
    "/%C3%A9",
    "/%zz",
    "/a?b=1;c=2&d=%zz&a=1+2&b=3",
    "/a?",
    "/a?b=%C3%A9&%41=1",
    "/mcp?x",
    "/\u00e9",
  ].flatMap((target): RequestCase[] => [
    {
      title: `the tailnet asks for ${target}`,
      caller: "user",
      url: ":8443/",
      args: [http1, "--request-target", target],
    },
    {
      title: `the internet asks for ${target}`,
      caller: "internet",
      url: "/",
      args: [http1, "--request-target", target],
    },
    {
      title: `the internet asks a mount for ${target}`,
      caller: "internet",
      url: ":10000/",
      args: [http1, "--request-target", target],
    },
  ]),
  { title: "the backend is behind a unix socket", caller: "user", url: ":9443/a" },
  { title: "the backend is not there", caller: "user", url: ":9444/a" },
  { title: "nothing is mounted at a path", caller: "user", url: ":9445/a" },
  { title: "a mount with a slash at its end is asked without", caller: "user", url: ":9445/deep" },
  { title: "a mount with a slash at its end is asked below", caller: "user", url: ":9445/deep/er" },
  { title: "a port is not served and nobody listens there", caller: "user", url: ":1/" },
];
