import type { Layout } from "./layout.ts";
import type { UpRequest } from "./request.ts";
import type { UndoList } from "./undo.ts";
import type { UpWorld } from "./world.ts";

/** One run of `up`, as its steps see it. */
export interface Attempt {
  readonly request: UpRequest;
  readonly world: UpWorld;
  readonly layout: Layout;
  /** Where the daemon is, or is to be. */
  readonly socket: string;
  readonly undo: UndoList;
  /** The environment of tailscale's programs; made once, so that what is left out is told once. */
  readonly environment: () => Promise<Readonly<Record<string, string>>>;
  /** What is left of `--timeout`, never negative. */
  readonly remainingMs: () => number;
  /** Whether a step before this one did something. */
  readonly hasChanged: () => boolean;
}
