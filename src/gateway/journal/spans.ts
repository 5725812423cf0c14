import { setTimeout as delay } from "node:timers/promises";
import type { Attributes, Span } from "@opentelemetry/api";
import type { Log } from "../../core/log.ts";
import type { Environment } from "../../core/runtime-directory.ts";
import { strikeSecrets } from "../../core/secrets.ts";
import { version } from "../../core/version.ts";
import { type Begun, type Entry, type Observer, type OpenSpan, subjectOf } from "./journal.ts";
import { parentOf, type TraceParent } from "./trace-context.ts";

/** Tells an OpenTelemetry collector of requests. */
export interface Spans {
  readonly observe: Observer;
  /** Begins the span of a request that goes on to a server. */
  readonly open: OpenSpan;
  /** Sends what is left, within a while. */
  close(): Promise<void>;
}

/** The internet must not crowd out the tailnet's spans, of which a limited number waits to be sent. */
const publicEvery = 100;
const maxNameChars = 128;
const maxStruckChars = 4_096;
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
  const [bad] = endpointVariables.filter((name) => Boolean(env[name]) && !/^https?:\/\/./i.test(env[name] ?? ""));
  if (bad !== undefined) {
    log.warn(`no spans are sent: ${bad} is no http:// or https:// URL`);
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
  const begin = (begun: Begun): Span => {
    const parent = parentOf(begun);
    const around =
      parent === undefined
        ? api.ROOT_CONTEXT
        : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, isRemote: true });
    return tracer.startSpan("request", { kind: api.SpanKind.SERVER, startTime: begun.atMs }, around);
  };
  const opened = new WeakMap<TraceParent, Span>();
  let passed = 0;
  return {
    open(begun) {
      const span = begin(begun);
      const context = span.spanContext();
      opened.set(context, span);
      return context;
    },
    observe(entry) {
      if (entry.view === "public" && passed++ % publicEvery !== 0) return;
      const { atMs: startTime, durationMs } = entry;
      const span = (entry.span === undefined ? undefined : opened.get(entry.span)) ?? begin(entry);
      span.updateName(nameOf(entry)).setAttributes(attributesOf(entry));
      if (entry.outcome === "failed" || entry.outcome === "error") span.setStatus({ code: api.SpanStatusCode.ERROR });
      span.end(startTime + durationMs);
    },
    async close() {
      const late = delay(closeMs, undefined, { ref: false });
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

const endpointVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] as const;

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

/** What is cut away could hide what shows that the rest is a secret. */
function cut(text: string): string {
  return strikeSecrets(text.slice(0, maxStruckChars)).slice(0, maxNameChars);
}

function seldom(say: (text: string) => void): (text: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (performance.now() - lastMs < complainEveryMs) return;
    lastMs = performance.now();
    say(text);
  };
}
