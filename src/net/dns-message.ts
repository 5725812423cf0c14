const typeNumbers = { A: 1, AAAA: 28 } as const;

/** Returns a DNS question with the identifier 0 (RFC 8484 §4.1) and recursion desired (RFC 1035 §4.1). */
export function encodeQuestion(name: string, type: "A" | "AAAA"): Buffer {
  const labels = name
    .replace(/\.$/, "")
    .split(".")
    .map((label) => Buffer.from(label, "ascii"));
  if (labels.some((label) => label.length === 0 || label.length > 63)) {
    throw new Error(`${JSON.stringify(name)} is not a host name`);
  }
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const question = labels.flatMap((label) => [Buffer.from([label.length]), label]);
  return Buffer.concat([head, ...question, Buffer.from([0, 0, typeNumbers[type], 0, 1])]);
}

/** Returns the response code and the addresses of the asked type, aliases followed by the server. Throws when malformed. */
export function decodeAnswer(message: Buffer, type: "A" | "AAAA"): { code: number; addresses: string[] } {
  const code = message.readUInt8(3) & 15;
  let offset = 12;
  for (let left = message.readUInt16BE(4); left > 0; left--) offset = skipName(message, offset) + 4;
  const addresses: string[] = [];
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    const fixed = skipName(message, offset);
    const length = message.readUInt16BE(fixed + 8);
    const data = message.subarray(fixed + 10, fixed + 10 + length);
    if (message.readUInt16BE(fixed) === typeNumbers[type] && data.length === (type === "A" ? 4 : 16)) {
      addresses.push(type === "A" ? data.join(".") : ipv6Text(data));
    }
    offset = fixed + 10 + length;
  }
  return { code, addresses };
}

/** A name ends with an empty label or with a pointer of two bytes (RFC 1035 §4.1.4). */
function skipName(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    const length = message.readUInt8(offset);
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    offset += 1 + length;
  }
}

function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
