import { expect, test } from "vitest";
import { mergeSection } from "../../../src/init/section.ts";

const part = "<!-- tsmcp -->\n## Ours\n<!-- /tsmcp -->";

test.each([
  ["", `${part}\n`],
  ["# Mine\n", `# Mine\n\n${part}\n`],
  ["# Mine", `# Mine\n\n${part}\n`],
  [`# A\n\n<!-- tsmcp -->\n## Older\n<!-- /tsmcp -->\n\n# B\n`, `# A\n\n${part}\n\n# B\n`],
  ["# A\r\n", `# A\r\n\r\n${part.replaceAll("\n", "\r\n")}\r\n`],
  ["<!-- tsmcp --> never closed\n", `<!-- tsmcp --> never closed\n\n${part}\n`],
])("mergeSection puts its part into %j, and a second time changes nothing", (text, expected) => {
  expect(mergeSection(text, "## Ours\n")).toBe(expected);
  if (!text.includes("never closed")) expect(mergeSection(expected, "## Ours\n")).toBe(expected);
});
