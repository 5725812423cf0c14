import { expect, test } from "vitest";
import { TsmcpError } from "../../../src/core/errors.ts";
import { parseHeaderOption } from "../../../src/mcp/header-option.ts";

const variable = (name: string): string => `$\{env:${name}}`;
const env = { TOKEN: "s3cret", BAD: "a\nb" };

test.each([
  ["X-Team: blue", ["x-team", "blue"]],
  [`Authorization: Bearer ${variable("TOKEN")}`, ["authorization", "Bearer s3cret"]],
  ["X-Empty:", ["x-empty", ""]],
])("%s is a header", (text, header) => {
  expect(parseHeaderOption(text, env)).toEqual(header);
});

test.each([
  ["no colon", "usage-invalid"],
  ["Bad Name: x", "usage-invalid"],
  ["Host: x", "usage-invalid"],
  ["Mcp-Session-Id: x", "usage-invalid"],
  ["Authorization: Bearer literal", "secret-invalid"],
  ["X-Api-Key: literal", "secret-invalid"],
  [`X-A: ${variable("MISSING")}`, "usage-invalid"],
  [`X-A: ${variable("BAD")}`, "usage-invalid"],
  ["X-A: a\r\nX-B: b", "usage-invalid"],
])("%j is refused as %s without showing a value", (text, code) => {
  try {
    parseHeaderOption(text, env);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(TsmcpError);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toMatch(/literal|s3cret/);
  }
});
