import { expect, test } from "vitest";
import { createInFlight } from "../../../src/bridge/in-flight.ts";

test.each([
  ["the id and session it was sent in", "7-again", 2, true],
  ["the agent's id, which it was not sent under", 7, 2, false],
  ["a session that is another", "7-again", 1, false],
  ["an id of another kind", "7", 2, false],
])("a request is found under %s: %s in %d, %s", async (_what, id, sentIn, isFound) => {
  const inFlight = createInFlight(1);
  const pending = await inFlight.admit({ id: 7, method: "tools/call", isModern: false });
  expect(inFlight.findSent(7, 2)).toBeUndefined();
  Object.assign(pending ?? {}, { sentAs: "7-again", sentIn: 2 });
  expect(inFlight.findSent(id, sentIn) === pending).toBe(isFound);
  pending?.settle();
  expect(inFlight.findSent(id, sentIn)).toBeUndefined();
});
