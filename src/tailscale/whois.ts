import { objectOf, parseObject, stringOf, stringsOf } from "../core/json-object.ts";

/** Who has an address of the tailnet, as tailscaled tells it. */
export interface Whois {
  readonly stableId: string;
  /** The node's full name, without the last dot. */
  readonly node: string;
  readonly tags: readonly string[];
  /** `tagged-devices` for a node with tags. */
  readonly login: string;
  readonly name: string;
  readonly picture: string;
  /** Of a stranger: a node shared with this tailnet, or of somebody this node is shared with. */
  readonly shared: boolean;
  /** By capability, the objects of every grant that leads from there to this node. */
  readonly capabilities: Readonly<Record<string, readonly unknown[]>>;
}

/** Returns what LocalAPI's `whois` says, or undefined when it says nothing of a node. */
export function parseWhois(json: string): Whois | undefined {
  const value = parseObject(json);
  const node = objectOf(value?.Node);
  const user = objectOf(value?.UserProfile);
  const stableId = stringOf(node.StableID);
  if (value === undefined || stableId === "") return undefined;
  const hostinfo = objectOf(node.Hostinfo);
  return {
    stableId,
    node: stringOf(node.Name).replace(/\.$/, "").toLowerCase(),
    tags: stringsOf(node.Tags),
    login: stringOf(user.LoginName),
    name: stringOf(user.DisplayName),
    picture: stringOf(user.ProfilePicURL),
    shared: hostinfo.ShareeNode === true || (node.Sharer !== undefined && node.Sharer !== 0),
    capabilities: Object.fromEntries(
      Object.entries(objectOf(value.CapMap)).map(([name, objects]) => [name, Array.isArray(objects) ? objects : []]),
    ),
  };
}
