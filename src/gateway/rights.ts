import type { RuleConfig } from "../config/config.ts";
import { isObject } from "../core/json-object.ts";
import { fitsPattern } from "../core/tool-pattern.ts";
import type { JsonObject } from "../mcp/json.ts";
import { formsOfUri } from "./canonical-uri.ts";

export type RightKind = "tools" | "resources" | "prompts";

/** Patterns of names on the upstreams that fit `upstreams`: one grant's object, or one rule. */
export interface Right extends Readonly<Record<RightKind, readonly string[]>> {
  /** What gives it, such as `rules[0]` or `grant 1`. */
  readonly origin: string;
  readonly upstreams: readonly string[];
}

/** What one caller may do with one upstream. */
export interface UpstreamRights {
  /** Whether there is anything at all. */
  readonly some: boolean;
  readonly patterns: Readonly<Record<RightKind, readonly string[]>>;
  may(kind: RightKind, name: string): boolean;
  /** What gives anything here. */
  readonly origins: readonly string[];
  /** What gives that, the first where several do. */
  because(kind: RightKind, name: string): string | undefined;
}

/** Whom the rights are for. */
export interface Holder {
  readonly login: string | undefined;
  readonly node: string;
  readonly tags: readonly string[];
  readonly grants: readonly JsonObject[];
  /** Shared in from elsewhere, or this very node: nothing but a rule that names it gives it anything. */
  readonly standing: "member" | "shared" | "self";
}

export interface RightsConfig {
  readonly capability?: string | undefined;
  readonly rules?: readonly RuleConfig[] | undefined;
}

/** Longer names fit nothing: matching takes time in proportion to them, and they come from callers. */
export const maxNameChars = 8 * 1024;

const everything: Right = { origin: "every member", upstreams: ["*"], tools: ["*"], resources: ["*"], prompts: ["*"] };

/** Returns every right of a caller: those of all its grants and of all rules that name it. */
export function rightsOf(holder: Holder, { capability, rules }: RightsConfig): readonly Right[] {
  const ruled = (rules ?? []).flatMap((rule, index) =>
    rule.who.some((word) => isNamed(holder, word)) ? [rightOfRule(rule, index)] : [],
  );
  if (holder.standing !== "member") return ruled;
  if (capability === undefined && rules === undefined) return [everything];
  return [...holder.grants.flatMap(rightOfGrant), ...ruled];
}

/** Returns true where a rule names a caller whom no rule has to name otherwise: it is to be believed at all. */
export function isNamedByRule(holder: Holder, { rules }: RightsConfig): boolean {
  return (rules ?? []).some(({ who }) => who.some((word) => isNamed(holder, word)));
}

/** Returns what of `rights` counts on one upstream. */
export function rightsOn(rights: readonly Right[], upstream: string): UpstreamRights {
  const here = rights.filter(({ upstreams }) => upstreams.some((pattern) => fitsPattern(pattern, upstream)));
  const patterns = {
    tools: here.flatMap(({ tools }) => tools),
    resources: here.flatMap(({ resources }) => resources),
    prompts: here.flatMap(({ prompts }) => prompts),
  };
  const all = {
    tools: patterns.tools.includes("*"),
    resources: patterns.resources.includes("*"),
    prompts: patterns.prompts.includes("*"),
  };
  const may = (kind: RightKind, name: string): boolean => all[kind] || fitsAny(patterns[kind], kind, name);
  return {
    patterns,
    some: patterns.tools.length + patterns.resources.length + patterns.prompts.length > 0,
    may,
    origins: here.map(({ origin }) => origin),
    because: (kind, name) =>
      here.find((right) => right[kind].includes("*") || fitsAny(right[kind], kind, name))?.origin,
  };
}

function fitsAny(patterns: readonly string[], kind: RightKind, name: string): boolean {
  if (patterns.length === 0 || name.length > maxNameChars) return false;
  if (kind !== "resources") return patterns.some((pattern) => fitsPattern(pattern, name));
  const forms = formsOfUri(name);
  return patterns.some((pattern) => pattern === name || fitsAll(pattern, forms));
}

function fitsAll(pattern: string, forms: readonly string[]): boolean {
  return forms.length > 0 && forms.every((form) => fitsPattern(pattern, form));
}

/** A person is named by the login, a node with tags by one of them, and `*` is every member of the tailnet. */
function isNamed({ login, node, tags, standing }: Holder, word: string): boolean {
  if (word === "*") return standing === "member";
  // The tags of a node that is shared in were given by another tailnet.
  if (word.startsWith("tag:")) return standing !== "shared" && tags.includes(word);
  // Any local process may come through this node's own proxy, and is then its owner.
  if (standing === "self") return word.toLowerCase() === node;
  return tags.length === 0 && login !== undefined && word.toLowerCase() === login.toLowerCase();
}

function rightOfRule(rule: RuleConfig, index: number): Right {
  const { upstreams = ["*"], tools = [], resources = [], prompts = [] } = rule;
  return { origin: `rules[${index}]`, upstreams, tools, resources, prompts };
}

/** Returns the right that a grant's object gives; one that is malformed anywhere gives none. */
function rightOfGrant(grant: JsonObject, index: number): Right[] {
  const fields = {
    upstreams: grant.upstreams ?? ["*"],
    tools: grant.tools ?? [],
    resources: grant.resources ?? [],
    prompts: grant.prompts ?? [],
  };
  const { upstreams, tools, resources, prompts } = fields;
  if (!(isPatterns(upstreams) && isPatterns(tools) && isPatterns(resources) && isPatterns(prompts))) return [];
  return [{ origin: `grant ${index + 1}`, upstreams, tools, resources, prompts }];
}

function isPatterns(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
}

/** Returns those of a capability's values that are objects. */
export function grantsOf(values: readonly unknown[] | undefined): readonly JsonObject[] {
  return (values ?? []).filter(isObject);
}
