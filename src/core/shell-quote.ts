/** Returns `text` as one word of a POSIX shell (sh, dash, busybox, bash, zsh), whatever it holds. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
