import type { Header } from "../../net/http-message.ts";

/** How a request pretends to be another one. */
export interface Disguise {
  /** In a sentence: "a request that says …". */
  readonly label: string;
  readonly protocol: "h1" | "h2" | "auto";
  /** `Host` or `:authority` in the place of the real one. */
  readonly authority?: string;
  /** The authority of an absolute-form request-target (RFC 9112 § 3.2.2). */
  readonly absolute?: string;
  readonly headers: readonly Header[];
  /** One header line, sent many times, ahead of the others. */
  readonly filler?: { readonly header: Header; readonly count: number };
}

/** No disguise: as any client asks. */
export const plainly: Disguise = { label: "an ordinary request", protocol: "auto", headers: [] };

/** Returns every header the disguise adds, the filler written out. */
export function disguiseHeaders({ headers, filler }: Disguise): Header[] {
  if (filler === undefined) return [...headers];
  return [...headers, ...Array.from({ length: filler.count }, (): Header => filler.header)];
}
