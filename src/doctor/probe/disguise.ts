import type { Header } from "../../net/http-message.ts";

/** How a request pretends to be another one. */
export interface Disguise {
  /** In a sentence: "a request that says …". */
  readonly label: string;
  /** `auto` shares a connection where it can. */
  readonly protocol: "h1" | "h1.0" | "h2" | "auto";
  /** `Host` or `:authority` in the place of the real one. */
  readonly authority?: string;
  /** The authority of an absolute-form request-target (RFC 9112 § 3.2.2). */
  readonly absolute?: string;
  /** The request-target's path, sent as it stands, in the place of the URL's. */
  readonly path?: string;
  readonly headers: readonly Header[];
  /** Header lines that are sent many times. */
  readonly fillers?: readonly Filler[];
}

export interface Filler {
  readonly header: Header;
  readonly count: number;
}

/** No disguise: as any client asks. */
export const plainly: Disguise = { label: "an ordinary request", protocol: "auto", headers: [] };

/** Returns every header the disguise adds, the fillers written out. */
export function disguiseHeaders({ headers, fillers = [] }: Disguise): Header[] {
  return [...headers, ...fillers.flatMap(({ header, count }) => Array.from({ length: count }, (): Header => header))];
}

/** Returns both in one: what `second` says of the host counts, the headers and fillers of both are sent. */
export function disguisedAs(first: Disguise, second: Disguise): Disguise {
  const protocol = first.protocol === "auto" ? second.protocol : first.protocol;
  return {
    ...first,
    ...second,
    protocol,
    label: `${first.label}, with ${second.label}`,
    headers: [...first.headers, ...second.headers],
    fillers: [...(first.fillers ?? []), ...(second.fillers ?? [])],
  };
}
