/** `sun_path` has 108 bytes, with the NUL at the end. Source: unix(7). What is longer Node.js cuts off in silence (20.20). */
export const maxSocketPathBytes = 107;

export function fitsSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= maxSocketPathBytes;
}
