import { expect, test } from "vitest";
import { silentLog } from "../../../src/core/log.ts";
import { spanProtocol, startSpans } from "../../../src/gateway/journal/spans.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test.for([
  ["not at all unless they are asked for", {}, undefined],
  ["not at all for a name alone", { OTEL_SERVICE_NAME: "x" }, undefined],
  ["as protobuf, to an endpoint", endpoint, "http/protobuf"],
  ["to an endpoint for spans alone", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:1/x" }, "http/protobuf"],
  ["to the usual endpoint", { OTEL_TRACES_EXPORTER: "otlp" }, "http/protobuf"],
  ["as JSON", { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, "http/json"],
  [
    "as is said for spans",
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json" },
    "http/json",
  ],
  ["in no way that is not known", { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "unknown"],
  ["not at all where they are switched off", { ...endpoint, OTEL_SDK_DISABLED: "true" }, undefined],
  ["not at all with no exporter", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }, undefined],
] as const)("spans are sent %s", ([, env, expected]) => {
  expect(spanProtocol(env)).toBe(expected);
});

test("startSpans starts nothing where nothing is asked for", async () => {
  expect(await startSpans({}, silentLog)).toBeUndefined();
});

test.for(["localhost:4318", "not a URL", "unix:///run/otel"])(
  "%s is said to be no endpoint, and nothing is sent",
  async (bad) => {
    const warned: string[] = [];
    const log = { ...silentLog, warn: (line: string) => void warned.push(line) };
    expect(await startSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: bad }, log)).toBeUndefined();
    expect(warned).toEqual(["no spans are sent: OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL"]);
  },
);
