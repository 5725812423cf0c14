import { setTimeout as delay } from "node:timers/promises";
import type { Attributes, SpanContext } from "@opentelemetry/api";
import type { Log } from "../../core/log.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { version } from "../../core/version.ts";
import { objectAt, stringAt } from "../../mcp/json.ts";
import { type Entry, type Observer, subjectOf } from "./journal.ts";

/** Tells an OpenTelemetry collector of requests. */
export interface Spans {
  readonly observe: Observer;
  /** Sends what is left, within a while. */
  close(): Promise<void>;
}

/** The internet must not crowd out the tailnet's spans, of which a limited number waits to be sent. */
const publicEvery = 100;
const maxNameChars = 128;
const closeMs = 2_000;
const complainEveryMs = 60_000;

/**
 * Returns what sends a span for every request, as the OTEL_ variables say; undefined where they ask for nothing, and then
 * nothing of OpenTelemetry is loaded. Source: OpenTelemetry specification, SDK environment variables.
 */
export async function startSpans(env: Environment, log: Log): Promise<Spans | undefined> {
  const protocol = spanProtocol(env);
  if (protocol === undefined) return undefined;
  if (protocol === "unknown") {
    log.warn("no spans are sent: of OTEL_EXPORTER_OTLP_PROTOCOL only http/protobuf and http/json are known here");
    return undefined;
  }
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/resources"),
    protocol === "http/json"
      ? import("@opentelemetry/exporter-trace-otlp-http")
      : import("@opentelemetry/exporter-trace-otlp-proto"),
  ]);
  const complain = seldom((text: string) => log.warn(`OpenTelemetry: ${text}`));
  const quiet = (): void => {};
  const logger = { error: complain, warn: quiet, info: quiet, debug: quiet, verbose: quiet };
  api.diag.setLogger(logger, { logLevel: api.DiagLogLevel.ERROR, suppressOverrideMessage: true });
  const own = { "service.name": "tsmcp-gateway", "service.version": version };
  const provider = new sdk.BasicTracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes(own))
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer("tsmcp", version);
  let passed = 0;
  return {
    observe(entry) {
      if (entry.view === "public" && passed++ % publicEvery !== 0) return;
      const parent = parentOf(entry);
      const around =
        parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent });
      const { atMs: startTime, durationMs } = entry;
      const span = tracer.startSpan(
        nameOf(entry),
        { kind: api.SpanKind.SERVER, startTime, attributes: attributesOf(entry) },
        around,
      );
      if (entry.outcome === "failed" || entry.outcome === "error") span.setStatus({ code: api.SpanStatusCode.ERROR });
      span.end(startTime + durationMs);
    },
    async close() {
      const late = delay(closeMs, undefined, { ref: false });
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

/** Returns how spans are to be sent; undefined: not at all. */
export function spanProtocol(env: Environment): "http/protobuf" | "http/json" | "unknown" | undefined {
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER } = env;
  const exporters = (OTEL_TRACES_EXPORTER ?? "").split(",").map((word) => word.trim());
  if (/^true$/i.test(OTEL_SDK_DISABLED ?? "") || exporters.includes("none")) return undefined;
  const isSet = Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  if (!isSet && !exporters.includes("otlp")) return undefined;
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || "http/protobuf";
  return protocol === "http/protobuf" || protocol === "http/json" ? protocol : "unknown";
}

/** Returns the span that the caller says it is in. The internet says nothing that counts. */
export function parentOf({ view, traceparent, request }: Entry): SpanContext | undefined {
  if (view === "public") return undefined;
  const text = traceparent ?? stringAt(objectAt(request?.params, "_meta"), "traceparent") ?? "";
  const [, traceId = "", spanId = "", flags = ""] = w3c.exec(text) ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** Source: W3C Trace Context § 3.2. */
const w3c = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A name that was refused is whatever a caller made up. */
function nameOf(entry: Entry): string {
  const { request, decision, upstream } = entry;
  if (request === undefined || upstream === undefined || decision.rule === "unknown method") return "request";
  const subject = request.method.startsWith("resources/") || !decision.allowed ? undefined : subjectOf(request);
  return subject === undefined ? request.method : `${request.method} ${cut(subject)}`;
}

/** Source: OpenTelemetry semantic conventions for MCP; ours begin with `tsmcp.`. */
function attributesOf(entry: Entry): Attributes {
  const { request, upstream, outcome, decision, status, view } = entry;
  const subject = request === undefined ? undefined : subjectOf(request);
  const keys = { "tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name" } as const;
  const method = request?.method ?? "";
  const key = method === "tools/call" || method === "prompts/get" ? keys[method] : "mcp.resource.uri";
  return {
    "tsmcp.view": view,
    "tsmcp.outcome": outcome,
    "tsmcp.decision": decision.allowed ? "allow" : "deny",
    "tsmcp.rule": decision.rule,
    "http.response.status_code": status,
    ...(upstream === undefined ? {} : { "tsmcp.upstream": upstream }),
    ...(request === undefined ? {} : { "mcp.method.name": cut(method), "jsonrpc.request.id": cut(String(request.id)) }),
    ...(subject === undefined ? {} : { [key]: cut(subject) }),
    ...(outcome === "ok" ? {} : { "error.type": outcome }),
  };
}

function cut(text: string): string {
  return text.slice(0, maxNameChars);
}

function seldom(say: (text: string) => void): (text: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (performance.now() - lastMs < complainEveryMs) return;
    lastMs = performance.now();
    say(text);
  };
}
