import type { HttpRequest, HttpResponse } from "./http-message.ts";
import type { Http2Connection } from "./http2.ts";

/** One server over as few HTTP/2 connections as will do: one, as long as no request holds up the others. */
export interface Http2Pool {
  /** False when a new connection must be opened before anything can be sent. */
  readonly usable: boolean;
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Rejects when a connection does not answer within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
  destroy(): void;
}

/** Streams that are left to what must get through: cancellations, answers, the end of the session. */
const reservedStreams = 8;

/**
 * A body larger than this goes over another connection than the small ones: tailscale serve takes 1 MiB that nobody reads
 * from all the streams of a connection together, and then nothing gets through (golang.org/x/net/http2, `transport.go`).
 */
const largeBodyBytes = 128 * 1024;

/** One for the calls, one when its 250 streams are taken, and two for uploads that are stuck. */
const maxConnections = 4;

/** What was opened in need is closed when it was not needed for this long. */
const idleMs = 30_000;

/** Returns the pool around `first`; more connections come from `open` when they are needed. */
export function createHttp2Pool(first: Http2Connection, open: () => Promise<Http2Connection>): Http2Pool {
  let connections: readonly Http2Connection[] = [first];
  let opening: Promise<void> | undefined;
  let isDestroyed = false;

  const alive = (): readonly Http2Connection[] => {
    if (connections.every(({ usable }) => usable)) return connections;
    // One that takes no more requests may still be answering some.
    connections = connections.filter(({ usable, inFlight }) => usable || inFlight > 0);
    return connections.filter(({ usable }) => usable);
  };
  const openAnother = (): Promise<void> => {
    opening ??= open()
      .then((connection) => {
        if (isDestroyed) return connection.destroy();
        connections = [...connections, connection];
        closeWhenIdle(connection);
      })
      // The one that there is has to do; when it breaks too, that is told.
      .catch(() => {})
      .finally(() => {
        opening = undefined;
      });
    return opening;
  };
  const closeWhenIdle = (connection: Http2Connection): void => {
    let wasIdle = false;
    const timer = setInterval(() => {
      const isIdle = connection.inFlight === 0;
      if (isIdle && wasIdle && connections[0] !== connection) {
        connections = connections.filter((one) => one !== connection);
        connection.destroy();
      }
      if (!connections.includes(connection) || isDestroyed) clearInterval(timer);
      wasIdle = isIdle;
    }, idleMs).unref();
  };
  const suited = (request: HttpRequest): Http2Connection | undefined =>
    alive().find((connection, index) => suits(connection, request, index));
  const leastBusy = (portionBytes: number): Http2Connection =>
    alive().toSorted((one, other) => burden(one, portionBytes) - burden(other, portionBytes))[0] ?? first;
  return {
    get usable() {
      return connections.some(({ usable }) => usable);
    },
    // Chosen and used without a pause: of a burst, each must see the ones before it.
    request(request) {
      const found = suited(request);
      if (found !== undefined) return found.request(request);
      const another = alive().length < maxConnections ? openAnother() : Promise.resolve();
      return another.then(() => (suited(request) ?? leastBusy(portionOf(request))).request(request));
    },
    async ping(timeoutMs) {
      await Promise.all(alive().map((connection) => connection.ping(timeoutMs)));
    },
    destroy() {
      isDestroyed = true;
      for (const connection of connections) connection.destroy();
    },
  };
}

function suits(connection: Http2Connection, request: HttpRequest, index: number): boolean {
  const reserved = request.isBrief === true ? 0 : reservedStreams;
  if (connection.inFlight >= Math.max(connection.maxInFlight - reserved, 1)) return false;
  if (connection.isStuckFor(portionOf(request))) return false;
  return index > 0 || bodyBytesOf(request) <= largeBodyBytes;
}

function burden(connection: Http2Connection, portionBytes: number): number {
  return connection.inFlight + (connection.isStuckFor(portionBytes) ? 1_000_000 : 0);
}

function bodyBytesOf({ body }: HttpRequest): number {
  return body?.byteLength ?? 0;
}

/** What must fit for a body to get on: a large one goes in portions. */
function portionOf(request: HttpRequest): number {
  return Math.min(bodyBytesOf(request), largeBodyBytes);
}
