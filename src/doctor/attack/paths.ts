import type { Disguise } from "../probe/disguise.ts";
import type { Inside } from "./inside.ts";

/**
 * Returns requests for the server's place under other spellings, sent as they stand: a gate or a Funnel target may compare
 * the path before it is tidied up, and the server behind it after.
 */
export function pathDisguises({ path }: Inside, publicPath: string): Disguise[] {
  const bare = path.replace(/^\//, "");
  const [first = "", ...rest] = Array.from(bare);
  const encoded = `%${first.charCodeAt(0).toString(16)}${rest.join("")}`;
  const spellings = [
    `//${bare}`,
    `/./${bare}`,
    `/../${bare}`,
    `/%2e%2e/${bare}`,
    `/..%2f${bare}`,
    `${publicPath}/../../${bare}`,
    `${publicPath}/%2e%2e/%2e%2e/${bare}`,
    `/public/../${bare}`,
    `/${bare}/`,
    `/${bare.toUpperCase()}`,
    ...(bare === "" ? [] : [`/${encoded}`, `/${bare}%2f`]),
    `/${bare};x`,
    `/${bare}?x`,
    "/",
    "/mcp",
  ];
  const others = [...new Set(spellings)].filter((spelling) => spelling !== path && spelling !== publicPath);
  return others.map((spelling) => ({ label: `the path ${spelling}`, protocol: "auto", path: spelling, headers: [] }));
}
