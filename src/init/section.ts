const open = "<!-- tsmcp -->";
const close = "<!-- /tsmcp -->";

/** Returns a text for people with our part in it: in the place of the earlier one, else at the end. */
export function mergeSection(text: string, section: string): string {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const part = [open, section.trim(), close].join("\n").replaceAll("\n", eol);
  const start = text.indexOf(open);
  const end = text.indexOf(close, start);
  if (start !== -1 && end !== -1) return text.slice(0, start) + part + text.slice(end + close.length);
  const gap = text.trim() === "" ? "" : text.endsWith("\n") ? eol : eol + eol;
  return (text.trim() === "" ? "" : text) + gap + part + eol;
}
