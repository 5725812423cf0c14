/** Something that the servers of a laboratory did. */
export type LaboratoryEvent =
  /** A request goes out to a server. */
  | { readonly kind: "asked"; readonly connection: number }
  /** Bytes come from it. */
  | { readonly kind: "said"; readonly connection: number; readonly bytes: Buffer };

/** A tailnet where nobody else is, and where every connection to the servers can be watched: what no real host may be sent can be tried. */
export interface Laboratory {
  /** Somebody whom the servers let in. */
  readonly insider: { readonly login: string; readonly address: string };
  /** Tells what happens from now on, until the returned function is called. */
  watch(listener: (event: LaboratoryEvent) => void): () => void;
}
