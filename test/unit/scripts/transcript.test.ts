import { describe, expect, it } from "vitest";
import { firstUntrue } from "../../../scripts/walkthrough/transcript.ts";

const whole =
  "# a\n\n$ tsmcp up\nlogin: done (vm.tail0123abcd.ts.net)\nproxy: done (127.0.0.1:4711)\nmore\nlast line of it";

describe("an excerpt of a transcript", () => {
  it.each([
    { title: "it is the beginning", excerpt: "# a\n\n$ tsmcp up" },
    { title: "lines are left out", excerpt: "# a\n…\nmore\nlast line of it" },
    { title: "a line's end is left out", excerpt: "# a\n…\nlast …" },
    { title: "names and ports differ", excerpt: "login: done (vm.tailnet.ts.net)\nproxy: done (127.0.0.1:1055)" },
  ])("is true when $title", ({ excerpt }) => {
    expect(firstUntrue(excerpt, whole)).toBeUndefined();
  });

  it.each([
    { title: "a line is missing without a sign", excerpt: "# a\n$ tsmcp up", untrue: "$ tsmcp up" },
    { title: "a line never came", excerpt: "# a\n…\nlogin: failed", untrue: "login: failed" },
    { title: "the order is another", excerpt: "more\n…\n# a", untrue: "# a" },
  ])("is untrue when $title", ({ excerpt, untrue }) => {
    expect(firstUntrue(excerpt, whole)).toBe(untrue);
  });
});
