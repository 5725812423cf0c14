import { messageOf, systemCodeOf, TsmcpError } from "../../core/errors.ts";
import { timeoutSignal } from "../../core/timeout-signal.ts";
import { getFromWeb } from "../../net/web-get.ts";
import type { Attempt } from "../attempt.ts";
import type { UpWorld } from "../world.ts";

/** A login server answers within a second, or is not to be waited for. */
const answerLimitMs = 1_500;

/** Asked for without a login. Source: tailscale `control/controlclient/direct.go`, loadServerPubKeys. */
const keyPath = "/key?v=1";

export interface LoginServerQuestion {
  /** Why the login server cannot be asked from here, or undefined when it answers. */
  answer(): Promise<string | undefined>;
  stop(): void;
}

/** Asks the login server at the end of the time, when the login is not done: so that the answer is there by then. */
export function askLoginServerLater(
  loginServer: string | undefined,
  { world, remainingMs }: Pick<Attempt, "world" | "remainingMs">,
): LoginServerQuestion {
  const over = new AbortController();
  const signal = AbortSignal.any([world.signal, over.signal]);
  let answer: Promise<string | undefined> | undefined;
  const ask = (): Promise<string | undefined> => {
    answer ??= loginServerDefect(loginServer, { env: world.env, signal });
    // Nobody may want it any more.
    answer.catch(() => {});
    return answer;
  };
  const timer = setTimeout(() => void ask(), Math.max(0, remainingMs() - answerLimitMs));
  return {
    answer: ask,
    stop: () => {
      clearTimeout(timer);
      over.abort();
    },
  };
}

async function loginServerDefect(
  loginServer: string | undefined,
  { env, signal }: Pick<UpWorld, "env" | "signal">,
): Promise<string | undefined> {
  const base = loginServer ?? "https://controlplane.tailscale.com";
  const url = new URL(keyPath, `${base}/`);
  const timeUp = timeoutSignal(answerLimitMs);
  try {
    const answer = await getFromWeb({ url, env, signal: AbortSignal.any([signal, timeUp]) });
    answer.body.destroy();
    return answer.status < 500 ? undefined : `it answers ${answer.status}`;
  } catch (error) {
    signal.throwIfAborted();
    if (timeUp.aborted) return "it does not answer; a rule for outgoing connections may drop them";
    if (error instanceof TsmcpError || systemCodeOf(error) !== undefined) return messageOf(error);
    throw error;
  }
}
