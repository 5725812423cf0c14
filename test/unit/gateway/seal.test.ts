import { expect, test } from "vitest";
import { Secret } from "../../../src/core/secrets.ts";
import { createSealer } from "../../../src/gateway/seal.ts";
import { fc } from "../../fakes/drawn.ts";

const first = new Secret("first-key-first-key-first-key-000", "test");
const second = new Secret("second-key-second-key-second-key", "test");
const sealer = createSealer([first]);

test("what was sealed opens for its purpose and binding, and for no other", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (value, binding) => {
      for (const sealed of [sealer.seal(value, "session", binding), sealer.sealStable(value, "session", binding)]) {
        expect(sealer.open(sealed, "session", binding)).toBe(value);
        expect(sealer.open(sealed, "cursor", binding)).toBeUndefined();
        expect(sealer.open(sealed, "session", `${binding}x`)).toBeUndefined();
      }
    }),
  );
});

test("no changed character, and no other spelling, opens", () => {
  const sealed = sealer.seal("value", "task", "alice");
  for (let at = 0; at < sealed.length; at += 1) {
    const other = sealed[at] === "A" ? "B" : "A";
    expect(sealer.open(`${sealed.slice(0, at)}${other}${sealed.slice(at + 1)}`, "task", "alice")).toBeUndefined();
  }
  for (const spelled of [`${sealed}=`, `${sealed}A`, sealed.slice(0, -1), ` ${sealed}`, sealed.toUpperCase(), ""])
    expect(sealer.open(spelled, "task", "alice")).toBeUndefined();
});

test("a text tells nothing, and a stable one is the same each time", () => {
  expect(sealer.seal("value", "session", "a")).not.toBe(sealer.seal("value", "session", "a"));
  expect(sealer.sealStable("value", "task", "a")).toBe(sealer.sealStable("value", "task", "a"));
  expect(sealer.sealStable("value", "task", "a")).not.toBe(sealer.sealStable("value", "task", "b"));
  expect(Buffer.from(sealer.seal("secret-handle", "session", "a"), "base64url").toString("latin1")).not.toContain(
    "secret",
  );
});

test("an older key goes on to open what it sealed, and no longer seals; a key that is gone opens nothing", () => {
  const old = sealer.seal("value", "session", "a");
  const rotated = createSealer([second, first]);
  expect(rotated.open(old, "session", "a")).toBe("value");
  expect(sealer.open(rotated.seal("value", "session", "a"), "session", "a")).toBeUndefined();
  expect(createSealer([second]).open(old, "session", "a")).toBeUndefined();
});
