import { existsSync, readFileSync } from "node:fs";
import { shellQuote } from "../core/shell-quote.ts";
import type { InitWords } from "./output.ts";

/** Returns the text of a file in `templates/`, its `@NAME@` marks filled in. */
export function fillTemplate(name: string, words: InitWords, own: ReadonlyMap<string, string> = new Map()): string {
  const marks = new Map([...marksOf(words), ...own]);
  return readFileSync(templateUrl(name), "utf8").replaceAll(/@([A-Z_]+)@/g, (mark, key: string) => {
    const value = marks.get(key);
    if (value === undefined) throw new Error(`templates/${name} has the unknown mark ${mark}`);
    return value;
  });
}

/** Returns the arguments of `tsmcp up` that name the servers, quoted for a shell. */
export function upArguments({ servers }: InitWords): string {
  return servers.map(({ name, url }) => `--server ${shellQuote(`${name}=${url}`)}`).join(" ");
}

function marksOf(words: InitWords): ReadonlyMap<string, string> {
  const urls = words.servers.map(({ url }) => shellQuote(url));
  return new Map([
    ["UP_ARGUMENTS", upArguments(words)],
    ["SERVER_URLS", urls.join(" ")],
    ["FIRST_URL", urls[0] ?? ""],
    ["SERVER_NAMES", words.servers.map(({ name }) => `\`${name}\``).join(", ")],
  ]);
}

/** Bundled, this code is one or two directories away from the package's root; as source, two. */
function templateUrl(name: string): URL {
  const places = ["../../templates/", "../templates/"].map((place) => new URL(place + name, import.meta.url));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`templates/${name} is missing in this installation`);
  return found;
}
