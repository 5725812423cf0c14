import { ConnectionError, errorCodes, maxWindowBytes } from "./frame.ts";

/** What the server asks of us; undefined where it says nothing. */
export interface PeerSettings {
  readonly tableBytes: number | undefined;
  readonly maxStreams: number | undefined;
  readonly streamWindowBytes: number | undefined;
  readonly frameBytes: number | undefined;
}

const ids = { tableBytes: 1, enablePush: 2, maxStreams: 3, streamWindowBytes: 4, frameBytes: 5 } as const;

const settingBytes = 6;

/** Returns what the payload of SETTINGS says. Throws ConnectionError for what must not be. Source: RFC 9113 §6.5. */
export function readSettings(payload: Buffer): PeerSettings {
  if (payload.length % settingBytes !== 0) {
    throw new ConnectionError(errorCodes.frameSizeError, "the server sent SETTINGS that are cut off");
  }
  const told = new Map<number, number>();
  for (let at = 0; at < payload.length; at += settingBytes)
    told.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  const streamWindowBytes = told.get(ids.streamWindowBytes);
  if (streamWindowBytes !== undefined && streamWindowBytes > maxWindowBytes) {
    throw new ConnectionError(errorCodes.flowControlError, "the server's SETTINGS grant more than there can be");
  }
  const frameBytes = told.get(ids.frameBytes);
  if (frameBytes !== undefined && (frameBytes < 0x4000 || frameBytes > 0xffffff)) {
    throw new ConnectionError(errorCodes.protocolError, `the server's SETTINGS ask for frames of ${frameBytes} bytes`);
  }
  // A server must not ask for it either.
  if ((told.get(ids.enablePush) ?? 0) !== 0) {
    throw new ConnectionError(errorCodes.protocolError, "the server's SETTINGS are those of a client");
  }
  return { tableBytes: told.get(ids.tableBytes), maxStreams: told.get(ids.maxStreams), streamWindowBytes, frameBytes };
}

/** Returns the payload of our own: no pushed answers, and how much of an answer may come before we grant more. */
export function ownSettings(streamWindowBytes: number, maxHeaderBytes: number): Buffer {
  const maxHeaderListBytes = 6;
  const payload = Buffer.alloc(3 * settingBytes);
  const all = [
    [ids.enablePush, 0],
    [ids.streamWindowBytes, streamWindowBytes],
    [maxHeaderListBytes, maxHeaderBytes],
  ] as const;
  let at = 0;
  for (const [id, value] of all) at = payload.writeUInt32BE(value, payload.writeUInt16BE(id, at));
  return payload;
}
