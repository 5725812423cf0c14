import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { version } from "../../core/version.ts";
import type { Observer, Side } from "./journal.ts";

/** What `/metrics` shows besides the requests; asked for when it is. */
export interface Levels {
  readonly connections: () => Readonly<Record<Side, number>>;
  readonly sessions: () => number;
  readonly streams: () => number;
  /** By upstream. */
  readonly upstreams: () => readonly {
    readonly name: string;
    readonly isUp: boolean;
    readonly children: number;
    readonly inFlight: number;
  }[];
  /** Lines of the log that nobody took in time. */
  readonly droppedLines: () => number;
}

export interface Metrics {
  readonly observe: Observer;
  /** In Prometheus' text format. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/** From an answer out of memory to one that somebody waits for, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Returns the gateway's own registry. Labels are views, outcomes and configured names alone: callers choose none of them. */
export function createMetrics(levels: Levels): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "tsmcp_gateway_requests_total",
    help: "Requests that are over, by view, upstream and outcome.",
    labelNames: ["view", "upstream", "outcome"],
    registers,
  });
  const durations = new Histogram({
    name: "tsmcp_gateway_request_duration_seconds",
    help: "From a request's head to the end of its answer, streams left out.",
    labelNames: ["view", "upstream"],
    buckets,
    registers,
  });
  const gauge = (name: string, help: string, labelNames: readonly string[], set: (gauge: Gauge) => void): void => {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        set(this);
      },
    });
  };
  const ofUpstreams = (name: string, help: string, read: (one: ReturnType<Levels["upstreams"]>[number]) => number) =>
    gauge(name, help, ["upstream"], (one) => {
      for (const upstream of levels.upstreams()) one.set({ upstream: upstream.name }, read(upstream));
    });
  gauge("tsmcp_gateway_connections", "Open connections, by listener.", ["view"], (one) => {
    for (const [view, count] of Object.entries(levels.connections())) one.set({ view }, count);
  });
  gauge("tsmcp_gateway_sessions", "Sessions that are kept in memory.", [], (one) => one.set(levels.sessions()));
  gauge("tsmcp_gateway_streams", "Streams on which servers speak unasked.", [], (one) => one.set(levels.streams()));
  ofUpstreams("tsmcp_gateway_upstream_up", "0 while an upstream fails.", ({ isUp }) => (isUp ? 1 : 0));
  ofUpstreams("tsmcp_gateway_upstream_children", "Processes that run for an upstream.", ({ children }) => children);
  ofUpstreams("tsmcp_gateway_upstream_in_flight", "Calls that wait for an upstream.", ({ inFlight }) => inFlight);
  new Counter({
    name: "tsmcp_gateway_log_lines_dropped_total",
    help: "Lines of the log that nobody took in time.",
    registers,
    collect() {
      this.reset();
      this.inc(levels.droppedLines());
    },
  });
  gauge("tsmcp_build_info", "1; the version is the label.", ["version"], (one) => one.set({ version }, 1));
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", [], (one) =>
    one.set(process.memoryUsage.rss()),
  );
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const startedS = Math.round(performance.timeOrigin / 1_000);
  gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", [], (one) =>
    one.set(startedS),
  );
  return {
    observe({ view, upstream = "", outcome, durationMs, isStream }) {
      requests.inc({ view, upstream, outcome });
      if (!isStream) durations.observe({ view, upstream }, durationMs / 1_000);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
