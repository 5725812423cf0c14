import { expect, it } from "vitest";
import { parseLockedOut } from "../../../src/tailscale/tailnet-lock.ts";

const lockedOut = { Enabled: true, NodeKeySigned: false, NodeKey: "nodekey:ab", PublicKey: "nlpub:cd" };

it.each([
  [lockedOut, { nodeKey: "nodekey:ab", lockKey: "nlpub:cd" }],
  [
    { ...lockedOut, PublicKey: undefined },
    { nodeKey: "nodekey:ab", lockKey: "" },
  ],
  [{ ...lockedOut, NodeKeySigned: true }, undefined],
  [{ ...lockedOut, Enabled: false }, undefined],
  [{ ...lockedOut, NodeKey: null }, undefined],
  [{}, undefined],
  [null, undefined],
])("the lock's status %j means %j", (status, expected) => {
  expect(parseLockedOut(JSON.stringify(status))).toEqual(expected);
});

it("an answer that is no JSON locks nobody out", () => {
  expect(parseLockedOut("404 page not found")).toBeUndefined();
});
