/**
 * Returns JSON text on one line: a line break in valid JSON is white space between its parts, and a blank is as good.
 * The bytes come back as they are when there is none. Source: RFC 8259 §2, §7.
 */
export function onOneLine(json: Buffer): Buffer {
  if (!json.includes(0x0a) && !json.includes(0x0d)) return json;
  const copy = Buffer.from(json);
  for (let at = 0; at < copy.length; at++) if (copy[at] === 0x0a || copy[at] === 0x0d) copy[at] = 0x20;
  return copy;
}
