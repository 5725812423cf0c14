import { expect, test } from "vitest";
import { typedUpstreams } from "../../../src/cli/typed-upstreams.ts";

test("URLs and one program are upstreams", () => {
  expect(typedUpstreams(["wiki=http://127.0.0.1:1/mcp?a=b", "notes"], ["npx", "-y", "x"])).toEqual({
    wiki: { url: "http://127.0.0.1:1/mcp?a=b" },
    notes: { command: "npx", args: ["-y", "x"] },
  });
  expect(typedUpstreams([], [])).toEqual({});
});

test.each([
  [["notes"], [], "--upstream notes: neither =URL nor a program after --"],
  [["a", "b"], ["x"], "--upstream b: only one of them can have the program after --"],
  [["a=http://127.0.0.1/"], ["x"], '"x" after -- belongs to no --upstream'],
  [["a=http://127.0.0.1/", "a=http://127.0.0.1/"], [], "--upstream a is there twice"],
  [["../a=http://127.0.0.1/"], [], '--upstream "../a=http://127.0.0.1/": "../a" is no name'],
  [["a=ftp://127.0.0.1/"], [], '--upstream a: "ftp://127.0.0.1/" is no http or https URL'],
])("%j and %j is refused", (words, command, message) => {
  expect(() => typedUpstreams(words, command)).toThrow(expect.objectContaining({ code: "usage-invalid", message }));
});
