import { Stop, type StopSignal } from "../../../core/stop.ts";
import type { MessageId, ResponseMessage } from "../../../mcp/message.ts";
import { UpstreamFailure } from "../failure.ts";

/** One request of a session on its way. */
export interface Flight {
  readonly id: MessageId;
  /** Fires with the caller's signal, when the answer came on another stream, and when the caller cancels. */
  readonly stop: Stop;
  /** In which of the sessions at the server it was sent last. */
  sentIn: number;
  /** The answer that came on another stream. */
  answer: ResponseMessage | undefined;
  /** Must run when it is over. */
  land(): void;
}

/** The requests of one session under way, to be found by their ids when something is said of them elsewhere. */
export interface Flights {
  begin(id: MessageId, caller: StopSignal): Flight;
  /** Gives a request its answer, which did not come on its own stream; false when nobody waits for that one. */
  answer(response: ResponseMessage, sentIn: number): boolean;
  /** Ends what its caller does not want any more: servers answer nothing then, and keep the stream. */
  cancel(id: unknown): void;
}

export function createFlights(): Flights {
  // No Map: of what comes and goes all the time it holds on to what has gone (see core/numbered.ts).
  const all: Flight[] = [];
  return {
    begin(id, caller) {
      const stop = new Stop();
      const onAbort = (): void => stop.abort(caller.reason);
      if (caller.aborted) onAbort();
      caller.addEventListener("abort", onAbort);
      const flight: Flight = {
        id,
        stop,
        sentIn: -1,
        answer: undefined,
        land() {
          caller.removeEventListener("abort", onAbort);
          all.splice(all.indexOf(flight), 1);
        },
      };
      all.push(flight);
      return flight;
    },
    answer(response, sentIn) {
      const flight = all.find((one) => one.id === response.id && one.sentIn === sentIn && !one.stop.aborted);
      if (flight === undefined) return false;
      flight.answer = response;
      flight.stop.abort(answeredElsewhere);
      return true;
    },
    cancel(id) {
      const flight = all.find((one) => one.id === id);
      flight?.stop.abort(new UpstreamFailure("ended", "was told by the caller not to go on"));
    },
  };
}

const answeredElsewhere = "the answer came on the server's own stream";
