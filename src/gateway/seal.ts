import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { Secret } from "../core/secrets.ts";

/**
 * Seals what callers keep for us (session ids, cursors, task ids, request states): encrypted, authenticated, and good for one
 * purpose and one binding (view, upstream, caller) alone. The first key seals, all of them open.
 */
export interface Sealer {
  /** A new text each time. */
  seal(value: string, purpose: Purpose, binding: string): string;
  /** The same text for the same value, for ids that callers compare. */
  sealStable(value: string, purpose: Purpose, binding: string): string;
  /** Returns the value, or undefined for anything that was not sealed for this purpose and binding by one of the keys. */
  open(text: string, purpose: Purpose, binding: string): string | undefined;
  /** A text only holders of the key know, stable for `label`: for the secret path of a listener. */
  derive(label: string): string;
}

export type Purpose = "session" | "cursor" | "task" | "state" | "event";

export function createSealer([current, ...older]: readonly [Secret, ...Secret[]]): Sealer {
  const first = keyOf(current.reveal());
  const known = [first, ...older.map((secret) => keyOf(secret.reveal()))];
  return {
    seal: (value, purpose, binding) => seal({ value, key: first, nonce: randomBytes(nonceBytes), purpose, binding }),
    sealStable(value, purpose, binding) {
      // A synthetic nonce: it repeats only for the same text under the same key, and then the result is the same too.
      const nonce = createHmac("sha256", first.nonces).update(`${purpose}\0${binding}\0${value}`).digest();
      return seal({ value, key: first, nonce: nonce.subarray(0, nonceBytes), purpose, binding });
    },
    open: (text, purpose, binding) => open({ text, keys: known, purpose, binding }),
    derive: (label) => createHmac("sha256", first.nonces).update(`derive\0${label}`).digest("base64url").slice(0, 32),
  };
}

interface Key {
  readonly id: Buffer;
  readonly cipher: Buffer;
  readonly nonces: Buffer;
}

/** The one format there is: version 1, AES-256-GCM. */
const version = 1;
const idBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + idBytes;

/** A session id stands in a header; everything longer is not ours. */
const maxSealedChars = 64 * 1024;

function keyOf(text: string): Key {
  const derived = Buffer.from(hkdfSync("sha256", text, "", "tsmcp gateway seal v1", 32 + 32 + idBytes));
  return { cipher: derived.subarray(0, 32), nonces: derived.subarray(32, 64), id: derived.subarray(64) };
}

interface Sealing {
  readonly value: string;
  readonly key: Key;
  readonly nonce: Buffer;
  readonly purpose: Purpose;
  readonly binding: string;
}

function seal({ value, key, nonce, purpose, binding }: Sealing): string {
  const head = Buffer.concat([Buffer.from([version]), key.id]);
  const cipher = createCipheriv("aes-256-gcm", key.cipher, nonce);
  cipher.setAAD(Buffer.concat([head, Buffer.from(`${purpose}\0${binding}`)]));
  const sealed = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
  return Buffer.concat([head, nonce, sealed, cipher.getAuthTag()]).toString("base64url");
}

function open(opening: {
  readonly text: string;
  readonly keys: readonly Key[];
  readonly purpose: Purpose;
  readonly binding: string;
}): string | undefined {
  const { text, keys, purpose, binding } = opening;
  if (text.length > maxSealedChars || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  // Other spellings of the same bytes are not what we gave out.
  if (bytes.length < headBytes + nonceBytes + tagBytes || bytes.toString("base64url") !== text) return undefined;
  const head = bytes.subarray(0, headBytes);
  const key = keys.find(({ id }) => id.equals(head.subarray(1)));
  if (head[0] !== version || key === undefined) return undefined;
  const nonce = bytes.subarray(headBytes, headBytes + nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", key.cipher, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.concat([head, Buffer.from(`${purpose}\0${binding}`)]));
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    const plain = decipher.update(bytes.subarray(headBytes + nonceBytes, bytes.length - tagBytes));
    return Buffer.concat([plain, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
