import { type JsonObject, stringAt } from "../../../mcp/json.ts";
import * as opening from "../opening-params.ts";

/** What takes a session with a stdio server up again, after a restart of the gateway too. */
export interface StdioHandle {
  readonly id: string;
  /** Which of several children. */
  readonly place: number;
  /** The caller's `initialize`, as far as it fits. */
  readonly params: JsonObject;
}

export function handleText({ id, place, params }: StdioHandle): string {
  return opening.handleText({ id, place }, params);
}

export function parseHandle(text: string): StdioHandle | undefined {
  const value = opening.parseHandle(text);
  const id = stringAt(value, "id");
  if (value === undefined || id === undefined || typeof value.place !== "number") return undefined;
  return { id, place: value.place, params: value.params };
}
