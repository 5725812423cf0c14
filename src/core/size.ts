import { TsmcpError } from "./errors.ts";

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KiB: 1_024,
  MB: 1_000_000,
  MiB: 1_024 ** 2,
  GiB: 1_024 ** 3,
};

/** Node's strings end at about 512 MiB, so no message can be longer. */
const maxBytes = 512 * 1_024 ** 2;

/** Returns the bytes of `32MiB`, `500kB` or `1048576`. Throws `usage-invalid`, which names `label`, for anything else. */
export function parseSizeBytes(text: string, label: string): number {
  const match = /^(\d{1,10})(B|kB|KiB|MB|MiB|GiB)?$/.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * (unitBytes[match[2] ?? "B"] ?? Number.NaN);
  if (!(bytes >= 1 && bytes <= maxBytes)) {
    throw new TsmcpError({
      code: "usage-invalid",
      message: `${label}: ${JSON.stringify(text)} is not a size between 1 byte and 512MiB`,
      hint: "write a number and a unit, such as 32MiB or 500kB",
    });
  }
  return bytes;
}
