/** What is to be got, and from where. */
export interface AcquireRequest {
  /** `1.102.5`; undefined: the newest. */
  readonly version: string | undefined;
  /** The archive must have one of these, in hex; empty: the publisher's word is enough. */
  readonly pins: readonly string[];
  readonly mirror: URL;
  /** Where the programs belong; undefined: where this user's programs belong. */
  readonly directory: string | undefined;
  /** Nothing was asked for that a distribution's package could not be. */
  readonly mayUsePackage: boolean;
}

/** Where the programs are now, and where they came from. */
export interface Acquired {
  readonly tailscale: string;
  readonly tailscaled: string;
  /** As the programs tell it, else what was asked for. */
  readonly version: string;
  readonly source: "found" | "package" | "cache" | "archive" | "go";
  /** Of the archive. */
  readonly sha256: string | null;
  readonly changed: boolean;
}
