import { messageOf } from "../../core/errors.ts";

/** The server said that it did not look at the request, or it was never sent: it may go again, whatever it is. */
export class RequestUnprocessed extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = "RequestUnprocessed";
  }
}
