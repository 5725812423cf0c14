import { serveArguments } from "../tailscale/serve-arguments.ts";
import { examine, examineAndClear } from "./examine.ts";
import { keepStanding, type StandingViews } from "./keep.ts";
import { whileExposing } from "./lock.ts";
import type { Exposed, ExposeOutcome } from "./outcome.ts";
import type { Exposition, PlannedHandler } from "./plan.ts";
import { proveExposure } from "./prove.ts";
import type { OwnHandler } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import { type ExposeRequest, type ExposeWorld, publicPort, tailnetPort } from "./request.ts";
import { ensureRoom } from "./room.ts";
import { ownOf, setHandlers } from "./set-handlers.ts";
import { createUndo, type Undo } from "./undo.ts";
import { whileServed } from "./while-served.ts";

/** Returns what would be done now, without doing it. */
export async function previewExposure(request: ExposeRequest, world: ExposeWorld): Promise<ExposeOutcome> {
  const plan = await examine(request, world);
  if (plan.kind === "refused") return { status: "refused", refusals: plan.refusals };
  const { private: inner, public: outer } = plan.listen;
  const shown = { privateTarget: targetShown(inner, "/SECRET"), publicTarget: targetShown(outer, "") };
  const handlers = plan.handlers.map((planned) => ownOf(planned, shown));
  const commands = plan.handlers.map((planned, at) => commandOf(planned, handlers[at]?.target ?? ""));
  return { status: "planned", commands, ...exposedBy(plan, request, handlers) };
}

/**
 * Starts the gateway, sets both handlers, proves them, and holds all that until `world.signal` fires; then takes away exactly
 * what was set. `onOutcome` is told once, as soon as there is something to tell. Returns the outcome.
 * Throws `busy` while another exposure stands at this tailscaled, `file-unwritable` where nothing can be put on record, and what any step throws, with everything undone.
 */
export async function runExposure(
  request: ExposeRequest,
  world: ExposeWorld,
  onOutcome: (outcome: ExposeOutcome) => void,
): Promise<ExposeOutcome> {
  ensureRoom(request);
  return whileExposing(request, world, async () => {
    const undo = createUndo();
    try {
      const outcome = await stand({ request, world, onOutcome, undo });
      if (outcome.status === "exposed") return outcome;
      await undo.all(world.log);
      onOutcome(outcome);
      return outcome;
    } finally {
      await undo.all(world.log);
    }
  });
}

interface Standing {
  readonly request: ExposeRequest;
  readonly world: ExposeWorld;
  readonly onOutcome: (outcome: ExposeOutcome) => void;
  readonly undo: Undo;
}

async function stand({ request, world, onOutcome, undo }: Standing): Promise<ExposeOutcome> {
  const plan = await examineAndClear(request, world);
  if (plan.kind === "refused") return { status: "refused", refusals: plan.refusals };
  const failing = await world.checkUpstreams();
  world.signal.throwIfAborted();
  if (failing.length > 0) return { status: "refused", refusals: failing.map(upstreamFails) };
  world.log.info("preflight: done (nothing stands in the way, every upstream answers)");
  const gateway = await world.startGateway(plan.listen);
  undo.add(() => gateway.close());
  world.log.info(`gateway: done (${wordsOf(plan)})`);
  const views = createUndo();
  undo.add(async () => void (await views.all(world.log)));
  const set = async (wanted: Exposition): Promise<StandingViews & { readonly exposed: Exposed }> => {
    const held = await setHandlers(wanted, { request, world, undo: views, gateway });
    const handlers = held.map(({ own }) => own);
    const exposed = exposedBy(wanted, request, handlers);
    const proof = await whileServed(held, world, (signal) =>
      proveExposure(wanted, exposed, { request, world: { ...world, signal } }),
    );
    return { held, exposed, proof };
  };
  const first = await set(plan);
  const { exposed, proof } = first;
  if (proof.verdict === "fail") return { status: "withdrawn", proof, ...exposed };
  onOutcome({ status: "exposed", proof, ...exposed });
  const clear = async (): Promise<void> => void (await views.all(world.log));
  const last = await keepStanding(first, { plan, request, world, gateway, clear, set });
  return { status: "exposed", proof: last, ...exposed };
}

function exposedBy(plan: Exposition, { paths, funnel }: ExposeRequest, handlers: readonly OwnHandler[]): Exposed {
  const { host, backend, notes } = plan;
  const urls = (port: number): readonly string[] =>
    paths.map((path) => `https://${host}${port === 443 ? "" : `:${port}`}${path}`);
  return {
    host,
    tailnetUrls: urls(tailnetPort),
    publicUrls: funnel ? urls(publicPort) : [],
    backend,
    handlers,
    notes,
  };
}

function commandOf(planned: PlannedHandler, target: string): string {
  const [, ...words] = serveArguments(planned, { socket: "", target, background: planned.background });
  return `tailscale ${words.join(" ")}`;
}

function targetShown(listen: string, path: string): string {
  return listen.startsWith("unix:") ? listen : `http://127.0.0.1:PORT${path}`;
}

function wordsOf({ backend: { kind, why } }: Exposition): string {
  return `${kind === "sockets" ? "unix sockets" : "loopback behind a secret path"}: ${why}`;
}

function upstreamFails(what: string): Refusal {
  return { id: "upstream.failing", what, mend: "start it, or correct its address", lines: [] };
}
