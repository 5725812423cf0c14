import { randomInt } from "node:crypto";
import { type Flavour, flavours } from "./mcp-server.ts";

/** What a gate has that no attack may depend on; the same again for the same seed. */
export interface Drawn {
  readonly seed: number;
  readonly flavour: Flavour;
  readonly path: string;
  readonly tools: readonly string[];
}

const paths = ["/mcp", "/mcp/notes", "/api/mcp", "/v1/tools", "/notes"] as const;

/** Returns a seed for the whole run: `GATES_SEED`, to see a failure again (and in the whole suite), or a new one. */
export function seedOfRun(): number {
  const given = process.env.GATES_SEED;
  return given === undefined ? randomInt(2 ** 31) : Number(given);
}

/** Returns what the gate of this name gets in the run of this seed. */
export function draw(seed: number, name: string): Drawn {
  const next = numbers(seed ^ hashOf(name));
  const pick = <Item>(items: readonly Item[], otherwise: Item): Item => items[next() % items.length] ?? otherwise;
  const tools = Array.from({ length: 1 + (next() % 6) }, () => `${pick(verbs, "get")}_${next().toString(36)}`);
  return { seed, flavour: pick(flavours, "stateless"), path: pick(paths, "/mcp"), tools: [...new Set(tools)] };
}

const verbs = ["read", "write", "search", "delete", "get", "run"] as const;

/** mulberry32: small, and the same on every machine. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  };
}

function hashOf(text: string): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return hash;
}
