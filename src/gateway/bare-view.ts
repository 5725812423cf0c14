import { modernVersionOf } from "../mcp/era.ts";
import { errorText, type Message } from "../mcp/message.ts";
import { emptyAnswer, type PlainAnswer } from "./public-view.ts";
import { screenRequest } from "./screen-request.ts";
import type { View } from "./view.ts";

/** Another name than the public view's: clients keep what they cache under it. */
const serverInfo = { name: "tsmcp-gateway", version: "1.0.0" };

/**
 * Returns what an identified caller is answered that has no right at all on an upstream: the same nothing as the internet,
 * without asking the upstream, but told what is missing where it asks for something.
 */
export function bareAnswer(message: Message, view: View): PlainAnswer {
  if (message.kind === "request") {
    const era = modernVersionOf(message) === undefined ? "legacy" : "modern";
    const screened = screenRequest(message, era, view);
    if (screened.kind === "refused" && screened.error.code === 403)
      return { status: 200, body: errorText(message.id, screened.error) };
  }
  return emptyAnswer({ kind: "one", message }, serverInfo);
}
