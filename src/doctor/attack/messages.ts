import { gzipSync } from "node:zlib";
import type { Header } from "../../net/http-message.ts";
import { headerOf } from "../../net/http-message.ts";
import type { McpMessage } from "../probe/message.ts";

/** A message that asks for the tools in a way that a gate may read otherwise than the server behind it. */
export interface OddMessage {
  readonly label: string;
  readonly message: McpMessage;
  /** Goes out in HTTP/1.1, because HTTP/2 cannot say it. */
  readonly isHttp1?: true;
}

/** Larger than what a gate may look at before it decides. */
const paddingBytes = 70_000;

/** Returns `list`, the ordinary `tools/list`, in every odd spelling. */
export function oddMessages(list: McpMessage): OddMessage[] {
  const text = String(list.body);
  const ping = (id: number): string => JSON.stringify({ jsonrpc: "2.0", id, method: "ping" });
  const odd = (label: string, changes: Partial<McpMessage>): OddMessage => ({
    label,
    message: { ...list, isOdd: true, ...changes },
  });
  const written = (label: string, body: string | Uint8Array, headers: readonly Header[] = []): OddMessage =>
    odd(label, { body, headers: [...list.headers, ...headers] });
  return [
    written("a batch", `[${text}]`),
    written("a batch between pings", `[${ping(2)},${text},${ping(3)}]`),
    written("the method twice, a harmless one first", text.replace('"method"', '"method":"ping","method"')),
    written("the method twice, a harmless one last", text.replace(/\}$/, ',"method":"ping"}')),
    written("Method beside method", text.replace('"method"', '"Method":"ping","method"')),
    written("METHOD in the place of method", text.replace('"method"', '"METHOD"')),
    written("tools\\u002flist", text.replace('"method":"tools/list"', '"\\u006dethod":"tools\\u002flist"')),
    odd("blanks around the colon and an id in quotes", {
      body: JSON.stringify(JSON.parse(text), null, 1)
        .replace('"method":', '"method" : ')
        .replace('"id": 1', '"id": "1"'),
      contentType: "application/json; charset=utf-8",
    }),
    written("a cursor and a progress token", withParams(text)),
    written("a byte order mark", `\ufeff${text}`),
    odd("UTF-16", { body: Buffer.from(`\ufeff${text}`, "utf16le"), contentType: "application/json; charset=utf-16" }),
    written("gzip", gzipSync(text), [["Content-Encoding", "gzip"]]),
    written(`${paddingBytes.toLocaleString("en")} blanks ahead`, " ".repeat(paddingBytes) + text),
    { ...written("no Content-Length", text, [["Transfer-Encoding", "chunked"]]), isHttp1: true },
    odd("Mcp-Method: initialize", { headers: withHeaders(list, [["Mcp-Method", "initialize"]]) }),
    odd("Mcp-Method: tools/list over a ping", {
      body: text.replace("tools/list", "ping"),
      headers: withHeaders(list, [["Mcp-Method", "tools/list"]]),
    }),
    ...["2024-11-05", "DRAFT"].map((version) =>
      odd(`MCP-Protocol-Version: ${version}`, { headers: withHeaders(list, [["MCP-Protocol-Version", version]]) }),
    ),
    ...["text/plain", "application/x-www-form-urlencoded", ""].map((contentType) =>
      odd(contentType === "" ? "no Content-Type" : `Content-Type: ${contentType}`, { contentType }),
    ),
    ...["text/event-stream", "application/json"].map((accept) => odd(`Accept: ${accept}`, { accept })),
    odd("PUT in the place of POST", { httpMethod: "PUT" }),
    // With the usual Accept this would open a stream.
    odd("GET in the place of POST", { httpMethod: "GET", accept: "application/json" }),
    odd("X-HTTP-Method-Override: GET", {
      headers: [...list.headers, ["X-HTTP-Method-Override", "GET"], ["Last-Event-ID", "1"]],
    }),
  ];
}

function withParams(text: string): string {
  const { params, ...message } = JSON.parse(text);
  return JSON.stringify({
    ...message,
    params: { cursor: "", ...params, _meta: { progressToken: 1, ...params._meta } },
  });
}

function withHeaders({ headers }: McpMessage, others: readonly Header[]): readonly Header[] {
  return [...headers.filter(([name]) => headerOf(others, name.toLowerCase()) === undefined), ...others];
}
