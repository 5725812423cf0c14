import { messageOf } from "../core/errors.ts";
import { probeUpstream } from "./probe.ts";
import { createOwnSession } from "./public/own-session.ts";
import { pinDefect } from "./public/pins.ts";
import type { PreparedGateway } from "./run.ts";

/** One finding of `gateway --check`. */
export interface CheckLine {
  readonly id: string;
  readonly status: "pass" | "fail";
  readonly message: string;
}

const upstreamTimeoutMs = 30_000;

/** Tries what a start would need, without listening: tailscaled, and every upstream as a caller of its own. */
export async function checkGateway({ options, status }: PreparedGateway, signal: AbortSignal): Promise<CheckLine[]> {
  const running = status?.backendState === "Running";
  const lines: CheckLine[] = [
    { id: "config", status: "pass", message: `${Object.keys(options.upstreams).length} upstreams` },
    {
      id: "tailscaled",
      status: running ? "pass" : "fail",
      message: status === undefined ? "does not answer" : `${status.version}, ${status.backendState}`,
    },
  ];
  const entries = Object.entries(options.upstreams).filter(([, { enabled = true }]) => enabled);
  const found = await Promise.all(
    entries.map(async ([name, config]): Promise<CheckLine> => {
      const upstream = options.createUpstream(name, config, options.world);
      try {
        return { id: `upstream.${name}`, ...(await probeUpstream(upstream, { signal, timeoutMs: upstreamTimeoutMs })) };
      } catch (error) {
        return { id: `upstream.${name}`, status: "fail", message: messageOf(error) };
      } finally {
        await upstream.close();
      }
    }),
  );
  return [...lines, ...found, ...(await checkPins(options, signal))];
}

/** Whether the tools that the internet may call are what was pinned. */
async function checkPins(
  { pins = [], upstreams, createUpstream, world }: PreparedGateway["options"],
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const names = [...new Set(pins.map(({ upstream }) => upstream))];
  const found = await Promise.all(
    names.map(async (name) => {
      const upstream = createUpstream(name, upstreams[name] ?? {}, world);
      const session = createOwnSession(upstream, { onChange: () => {}, signal });
      const live = await session.tools().catch(() => []);
      await upstream.close();
      return pins
        .filter((pin) => pin.upstream === name)
        .map((pin): CheckLine => {
          const message = pinDefect(pin, live);
          const id = `public.${name}/${pin.name}`;
          return { id, status: message === undefined ? "pass" : "fail", message: message ?? "is what was pinned" };
        });
    }),
  );
  return found.flat();
}
