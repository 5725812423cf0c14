import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Returns the licences of every package that the bundles hold, which is what those licences ask for. */
export function thirdPartyNotices(root: string, moduleIds: readonly string[]): string {
  const marker = `${root}node_modules/`;
  const names = moduleIds
    .filter((id) => id.includes(marker))
    .map((id) => packageDirectory(id.slice(id.indexOf(marker) + marker.length)));
  const notices = [...new Set(names)].sort().map((name) => noticeOf(join(marker, name)));
  return `tsmcp's bundles hold the packages below.\n\n${notices.join("\n\n")}\n`;
}

/** `a/node_modules/@b/c/lib/x.js` lies in the package `a/node_modules/@b/c`. */
function packageDirectory(path: string): string {
  const inner = path.lastIndexOf("node_modules/");
  const start = inner === -1 ? 0 : inner + "node_modules/".length;
  const parts = path.slice(start).split("/");
  return path.slice(0, start) + parts.slice(0, path[start] === "@" ? 2 : 1).join("/");
}

function noticeOf(directory: string): string {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)/i.test(name));
  const text =
    file !== undefined && existsSync(join(directory, file)) ? readFileSync(join(directory, file), "utf8") : "";
  return `== ${manifest.name} ${manifest.version} (${manifest.license}) ==\n\n${text.trim()}`;
}
