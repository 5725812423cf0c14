import { fc } from "./drawn.ts";

/** Returns an arbitrary way to cut `bytes` into chunks, empty ones among them. */
export function splitsOf(bytes: Buffer): fc.Arbitrary<Buffer[]> {
  return fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }).map((cuts) => {
    const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
  });
}
