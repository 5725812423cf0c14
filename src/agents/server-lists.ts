import { fitsPattern } from "../core/tool-pattern.ts";
import type { PlacedEntry } from "./dialect.ts";
import { fieldOf } from "./entry-forms.ts";

/** One settings file that may hold lists of servers, read. */
export interface ListFile {
  readonly path: string;
  readonly settings: unknown;
}

/**
 * Returns what `allowedMcpServers` and `deniedMcpServers` have against an entry. An item names a server by `serverName`,
 * by `serverCommand` with every argument, or by `serverUrl` with `*`; what is denied anywhere is denied, and one list of
 * those that are allowed is made of all files. In that, names count no more once an item says what is started or called.
 * Sources: https://code.claude.com/docs/en/managed-mcp and
 * https://docs.github.com/en/copilot/how-tos/administer-copilot/manage-mcp-usage/configure-enterprise-allowlist
 */
export function listBlockers(
  placed: PlacedEntry,
  {
    files,
    allowing = files,
  }: {
    readonly files: readonly ListFile[];
    /** Those whose list of the allowed counts. */
    readonly allowing?: readonly ListFile[];
  },
): readonly string[] {
  const denying = files.filter(({ settings }) =>
    itemsOf(fieldOf(settings, "deniedMcpServers"))?.some((item) => isNamed(item, placed) || isMeant(item, placed)),
  );
  const lists = allowing.flatMap(({ path, settings }) => {
    const items = itemsOf(fieldOf(settings, "allowedMcpServers"));
    return items === undefined ? [] : [{ path, items }];
  });
  const items = lists.flatMap((list) => list.items);
  const key = placed.entry.kind === "url" ? "serverUrl" : "serverCommand";
  const countsNames = items.every((item) => fieldOf(item, key) === undefined);
  const isAllowed = items.some((item) => isMeant(item, placed) || (countsNames && isNamed(item, placed)));
  return [
    ...denying.map(({ path }) => `${path} denies ${placed.name} (deniedMcpServers)`),
    ...(lists.length > 0 && !isAllowed
      ? [`${lists.map(({ path }) => path).join(" and ")} does not allow ${placed.name} (allowedMcpServers)`]
      : []),
  ];
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

function isNamed(item: unknown, { name }: PlacedEntry): boolean {
  return fieldOf(item, "serverName") === name;
}

function isMeant(item: unknown, { entry }: PlacedEntry): boolean {
  if (entry.kind === "url") {
    const pattern = fieldOf(item, "serverUrl");
    return typeof pattern === "string" && fitsUrl(pattern, entry.url);
  }
  const command = fieldOf(item, "serverCommand");
  const words = [entry.command, ...entry.args];
  return (
    Array.isArray(command) && command.length === words.length && words.every((word, index) => word === command[index])
  );
}

/** Names of hosts are the same in any case; a pattern without a path means every path. */
export function fitsUrl(pattern: string, url: string): boolean {
  const [place, path] = splitUrl(pattern);
  const [urlPlace, urlPath] = splitUrl(url);
  return fitsPattern(place.toLowerCase(), urlPlace.toLowerCase()) && fitsPattern(path === "" ? "*" : path, urlPath);
}

function splitUrl(text: string): readonly [place: string, path: string] {
  const start = text.indexOf("://");
  const slash = text.indexOf("/", start === -1 ? 0 : start + 3);
  return slash === -1 ? [text, ""] : [text.slice(0, slash), text.slice(slash)];
}
