import { timeoutSignal } from "../core/timeout-signal.ts";
import { pingPeer, readPeers } from "./local-api.ts";

const askMs = 1_000;
/** A ping that came before the peer knew us is never answered, so the next one does not wait for it. */
const betweenPingsMs = 150;
const maxAnswerMs = 5_000;

/**
 * Waits until the node `host` knows this one, `limitMs` at most, and returns whether it does.
 *
 * A node that has just joined knows its peers before they know it. What it sends until then is dropped, WireGuard's
 * handshake included, and that is tried again after 5 s only: with news that take 500 ms the first connection took 5.2 s,
 * and 0.5 s after this wait (measured, 1.102.5). A ping below WireGuard costs nothing, and its answer says that we are
 * known. Never throws: where nobody can be asked, whoever dials next finds out why.
 */
export async function meetPeer(
  { socket, signal }: { readonly socket: string; readonly signal?: AbortSignal | undefined },
  host: string,
  limitMs: number,
): Promise<boolean> {
  const timeUp = timeoutSignal(limitMs);
  const either = signal === undefined ? timeUp : AbortSignal.any([signal, timeUp]);
  const address = await addressOf({ socket, signal: either }, host);
  return address === undefined ? false : firstAnswer({ socket, signal: either }, address);
}

/** Asks again and again, each time with as long a wait as there is left: a relay can be far away. */
function firstAnswer(api: Asked, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = new AbortController();
    const settle = (isKnown: boolean): void => {
      clearInterval(again);
      api.signal.removeEventListener("abort", onAbort);
      asking.abort();
      resolve(isKnown);
    };
    const onAbort = (): void => settle(false);
    const ask = (): void => {
      pingPeer({ socket: api.socket, signal: asking.signal, timeoutMs: maxAnswerMs }, address).then(
        (isKnown) => isKnown && settle(true),
        () => {},
      );
    };
    const again = setInterval(ask, betweenPingsMs);
    api.signal.addEventListener("abort", onAbort, { once: true });
    if (api.signal.aborted) onAbort();
    else ask();
  });
}

interface Asked {
  readonly socket: string;
  readonly signal: AbortSignal;
}

/** Undefined for a name that is no node's, and for a node that its coordination server does not see. */
async function addressOf(api: Asked, host: string): Promise<string | undefined> {
  const peers = await readPeers({ ...api, timeoutMs: askMs }).catch(() => []);
  const peer = peers.find(({ dnsName, ips }) => dnsName === host.toLowerCase() || ips.includes(host));
  return peer?.online === true ? peer.ips[0] : undefined;
}
