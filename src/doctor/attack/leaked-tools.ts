import { fitsPattern } from "../../core/tool-pattern.ts";

/** Returns the tools that nobody on the internet should have seen: those that no pattern allows. */
export function leakedTools(tools: readonly string[], allowed: readonly string[]): string[] {
  return tools.filter((tool) => !allowed.some((pattern) => fitsPattern(pattern, tool)));
}
