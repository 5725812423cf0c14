import { expect, test } from "vitest";
import { createSealer } from "../../../src/gateway/seal.ts";
import { createSessions } from "../../../src/gateway/sessions.ts";
import { bindingOf } from "../../../src/gateway/view.ts";
import { fakeUpstream } from "../../fakes/upstream.ts";
import { callerNamed } from "../../fakes/upstream-caller.ts";
import { testKey } from "./front.ts";

const sealer = createSealer([testKey]);
const upstream = fakeUpstream("notes", {});
const [ann, bob] = [callerNamed("ann"), callerNamed("bob")];

/** The id of a session that ends at that time. */
function idUntil(expiresAtMs: number, handle = "s1"): string {
  const text = JSON.stringify([handle, "2025-11-25", expiresAtMs]);
  return sealer.seal(text, "session", bindingOf({ upstream: "notes", caller: ann }));
}

test.each([
  ["one that goes on", idUntil(Date.now() + 60_000), ann, "notes", true],
  ["one that is over", idUntil(Date.now() - 1), ann, "notes", false],
  ["another caller's", idUntil(Date.now() + 60_000), bob, "notes", false],
  ["another upstream's", idUntil(Date.now() + 60_000), ann, "wiki", false],
  ["one that its upstream does not know", idUntil(Date.now() + 60_000, "gone"), ann, "notes", false],
  ["what was sealed for something else", sealer.seal("[]", "cursor", "x"), ann, "notes", false],
  ["a text", "s1", ann, "notes", false],
  ["nothing", "", ann, "notes", false],
])("%s is found, or not", (_what, id, caller, name, isFound) => {
  const found = createSessions(sealer).find(id, name === "notes" ? upstream : fakeUpstream(name, {}), caller);
  expect(found !== undefined).toBe(isFound);
});

test("a session that its caller ended is not taken up again by its id", async () => {
  const sessions = createSessions(sealer);
  const opened = await upstream.open(
    { kind: "request", id: 1, method: "initialize", params: {} },
    { caller: ann, signal: new AbortController().signal, onMessage: () => {} },
  );
  if (opened.kind !== "opened") throw new Error("not opened");
  const session = sessions.add(upstream, ann, { session: opened.session, protocolVersion: "2025-11-25" });
  expect(sessions.find(session.id, upstream, ann)).toBe(session);
  await sessions.end(session);
  expect(sessions.find(session.id, upstream, ann)).toBeUndefined();
  expect(upstream.reached.at(-1)).toMatchObject({ what: "end", by: "ann" });
});

test("of sessions that ended so many are remembered, and an older id is still its caller's alone", async () => {
  const sessions = createSessions(sealer);
  const session = upstream.resume("s1", ann);
  if (session === undefined) throw new Error("not resumed");
  const [first, ...others] = Array.from({ length: 20_001 }, (_, at) => ({
    ...{ id: idUntil(Date.now() + 60_000 + at), session, protocolVersion: "2025-11-25", expiresAtMs: 0 },
  }));
  const id = first?.id ?? "";
  for (const one of first === undefined ? [] : [first, ...others.slice(0, 9_999)]) await sessions.end(one);
  expect(sessions.find(id, upstream, ann)).toBeUndefined();
  for (const one of others) await sessions.end(one);
  expect(sessions.find(id, upstream, bob)).toBeUndefined();
  expect(sessions.find(id, upstream, ann)).toBeDefined();
});
