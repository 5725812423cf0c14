import type { GatewayConfig } from "../config/config.ts";
import type { Log } from "../core/log.ts";
import type { Secret } from "../core/secrets.ts";
import { addressText, type HttpServer, type ListenAddress, startHttpServer } from "../net/http-server.ts";
import type { LineSink } from "../streams/line-sink.ts";
import { answerAdmin } from "./admin.ts";
import { createAdminReach } from "./admin-reach.ts";
import { createExactNumbers } from "./exact-numbers.ts";
import { type ExposureWatch, watchExposure } from "./exposure-watch.ts";
import { createIdentities } from "./identities.ts";
import { type AuditConfig, createAudit } from "./journal/audit.ts";
import { createJournal, type Observer, type OpenSpan } from "./journal/journal.ts";
import { createMetrics } from "./journal/metrics.ts";
import { levelsOf } from "./levels.ts";
import { type ListenPlan, targetOf } from "./listen-plan.ts";
import { createOpenAnswers } from "./open-answers.ts";
import { createPace } from "./pace.ts";
import { answerPrivate, type PrivateSide } from "./private-side.ts";
import { createOpenedTools, type Serving } from "./public/opened-tools.ts";
import type { PinnedTool } from "./public/pins.ts";
import { answerPublic, type PublicSide, publicPace } from "./public-side.ts";
import { createReadiness } from "./readiness.ts";
import { createSealer, type Sealer } from "./seal.ts";
import { createServedSet, type UpstreamChange, type UpstreamConfigs } from "./served-set.ts";
import { createSessions } from "./sessions.ts";
import { createStreamWatch } from "./stream-watch.ts";
import type { CreateUpstream, UpstreamWorld } from "./upstream/create.ts";
import type { Front } from "./visit.ts";

/** What of the configuration can change while the gateway runs. */
export type GatewayRules = Pick<GatewayConfig, "capability" | "rules" | "allowedOrigins" | "audit">;

export interface GatewayOptions {
  readonly upstreams: UpstreamConfigs;
  readonly rules: GatewayRules;
  /** What the internet may call; usually nothing. */
  readonly pins?: readonly PinnedTool[];
  readonly plan: ListenPlan;
  /** tailscaled's, for whois. */
  readonly socket: string;
  /** Whether that one has a TUN, as far as it has told. */
  readonly usesTun?: boolean | undefined;
  /** The Tailscale Service that callers reach the gateway by. */
  readonly service?: string | undefined;
  readonly keys: readonly [Secret, ...Secret[]];
  readonly world: UpstreamWorld;
  readonly createUpstream: CreateUpstream;
  readonly log: Log;
  /** Where the lines about requests go; without it there are none. */
  readonly auditLines?: Pick<LineSink, "line" | "dropped"> | undefined;
  /** Who else is told of every request. */
  readonly observers?: readonly Observer[];
  /** Begins the spans of those that go on to a server. */
  readonly openSpan?: OpenSpan | undefined;
}

/** Where one exposure leads. */
export interface Exposed {
  readonly listen: string;
  /** For `tailscale serve` or `tailscale funnel`. */
  readonly target: string;
}

export interface Gateway {
  readonly private: Exposed;
  readonly public: Exposed;
  readonly admin: { readonly listen: string };
  /** The paths of the upstreams, on both listeners. */
  readonly paths: readonly string[];
  /** What the internet may call, as UPSTREAM/TOOL. */
  readonly publicTools: readonly string[];
  /** Goes on with these rules. */
  update(rules: GatewayRules): void;
  /** Goes on with this to serve. Throws what makes one of the upstreams impossible, and then nothing has changed. */
  replace(serving: Serving): UpstreamChange;
  /** Ends every open stream, as after a change of who gets here; callers that still do ask anew. */
  endStreams(): void;
  /** Takes no more callers, ends the streams, lets calls have their answers for a while, and ends the upstreams. */
  close(): Promise<void>;
}

/** Starts to serve. Throws `listen-failed`; whatever was begun is ended then. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { plan, log, keys, socket, service } = options;
  let rules = options.rules;
  const sealer = createSealer(keys);
  const identities = createIdentities({ socket, service, rights: () => rules, log });
  let exposure: ExposureWatch | undefined;
  const open = createOpenAnswers({ onStream: () => exposure?.look() });
  const numbers = createExactNumbers();
  const served = createServedSet({ ...options, world: { ...options.world, numbers }, open });
  const upstreams = served.all;
  const streams = createStreamWatch();
  const front: Front = {
    identities,
    sealer,
    sessions: createSessions(sealer),
    streams,
    capability: () => rules.capability,
    numbers,
  };
  const { auditLines, observers = [] } = options;
  const { pins = [] } = options;
  const pathsOf = (name: string): readonly string[] => [`/mcp/${name}`, ...(upstreams.size === 1 ? ["/mcp"] : [])];
  const opened = createOpenedTools({ upstreams: options.upstreams, pins }, { ...options, pathsOf });
  const fronts: HttpServer[] = [];
  const metrics = createMetrics(
    levelsOf({
      front,
      inner: () => fronts[0],
      outer: () => fronts.at(-1),
      open,
      upstreams,
      droppedLines: auditLines?.dropped ?? (() => 0),
    }),
  );
  const audit: Observer[] =
    auditLines === undefined
      ? []
      : [
          createAudit(
            (): AuditConfig => rules.audit ?? {},
            (line) => auditLines.line(line),
          ),
        ];
  const journal = createJournal([metrics.observe, ...audit, ...observers], options.openSpan);
  const publicSide: PublicSide = { pace: createPace(publicPace), journal, tools: opened.now };
  const privateSide: PrivateSide = {
    ...publicSide,
    front,
    upstreams,
    open,
    prefix: prefixOf(plan.kind === "two" ? plan.private : plan.single, sealer),
    allowedOrigins: () => rules.allowedOrigins ?? [],
  };
  let admin: HttpServer | undefined;
  const readiness = createReadiness(upstreams);
  let isStopping = false;
  const close = async (): Promise<void> => {
    isStopping = true;
    readiness.close();
    exposure?.close();
    streams.close();
    for (const server of fronts) server.stopAccepting();
    open.close();
    await open.drained(drainMs);
    // What is still asked gets an error for an answer.
    await Promise.all([served.close(), opened.close()]);
    await Promise.all(fronts.map((server) => server.close(closeGraceMs)));
    await admin?.close(closeGraceMs);
  };
  const listen = async (address: ListenAddress, from: Omit<Parameters<typeof startHttpServer>[0], "address">) => {
    const server = await startHttpServer({ address, ...from });
    fronts.push(server);
    return server;
  };
  try {
    const inner = await listen(plan.kind === "two" ? plan.private : plan.single, {
      ...privateLimits,
      onRequest: (request, response) => answerPrivate(request, response, privateSide),
    });
    const outer =
      plan.kind === "single"
        ? inner
        : await listen(plan.public, {
            ...publicLimits,
            backlog: backlogs[plan.public.kind],
            onRequest: (request, response) => answerPublic(request, response, publicSide),
          });
    const isReady = async (): Promise<readonly string[]> => [
      ...(isStopping ? ["it is stopping"] : []),
      ...((await identities.isUp()) ? [] : ["tailscaled does not tell who calls"]),
      ...(await readiness.reasons()),
    ];
    const reach = createAdminReach({ listen: plan.admin, socket, usesTun: options.usesTun });
    admin = await startHttpServer({
      address: plan.admin,
      ...publicLimits,
      onRequest: (request, response) => {
        answerAdmin(request, response, { reach, isReady, metrics }).catch(() => void response.destroy());
      },
    });
    const { prefix } = privateSide;
    // tailscaled leaves open what is open when a handler goes, or gets the internet for a caller.
    exposure = watchExposure({ socket, target: targetOf(inner.address, prefix), onLoss: () => open.endStreams() });
    return {
      private: { listen: addressText(inner.address), target: targetOf(inner.address, prefix) },
      public: {
        listen: addressText(outer.address),
        target: targetOf(outer.address, plan.kind === "single" ? prefix : ""),
      },
      admin: { listen: addressText(admin.address) },
      get paths() {
        return [...new Set([...upstreams.keys()].flatMap(pathsOf))];
      },
      get publicTools() {
        return opened.names();
      },
      update(changed) {
        rules = changed;
        identities.forget();
        streams.lookAgain();
      },
      replace(serving) {
        const change = served.replace(serving.upstreams);
        opened.replace(serving);
        return change;
      },
      endStreams: () => open.endStreams(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Funnel's relays and an agent's settings page are the only honest callers there, and they are patient. */
const publicLimits = { headersTimeoutMs: 5_000, requestTimeoutMs: 10_000, maxConnections: 256 };

/** Who finds no place waits a second at a port, and is refused at once at a socket, so honest bursts have to fit there. */
const backlogs = { tcp: 32, unix: 128 };

/** 32 MiB through a slow relay take minutes. */
const privateLimits = { headersTimeoutMs: 10_000, requestTimeoutMs: 600_000 };

/** How long calls may take for their answers; systemd and Kubernetes wait longer. */
const drainMs = 10_000;

/** Then for callers to take what was written. */
const closeGraceMs = 500;

/** A port of loopback is open to every process here, and on a userspace node to the tailnet: only Serve knows the path. */
function prefixOf(address: ListenAddress, sealer: Sealer): string {
  return address.kind === "unix" ? "" : `/${sealer.derive("private listener")}`;
}
