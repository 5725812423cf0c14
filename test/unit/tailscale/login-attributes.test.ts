import { expect, test } from "vitest";
import { withAttributes } from "../../../src/tailscale/login-attributes.ts";

const wanted = { ephemeral: true, preauthorized: true };

test.each([
  ["tskey-client-a-b", wanted, "tskey-client-a-b?ephemeral=true&preauthorized=true"],
  ["id", { ...wanted, ephemeral: false }, "id?ephemeral=false&preauthorized=true"],
  ["id?preauthorized=false", wanted, "id?preauthorized=false&ephemeral=true"],
  ["id?ephemeral=false", wanted, "id?ephemeral=false&preauthorized=true"],
  ["s", { ...wanted, baseUrl: "http://c:1" }, "s?ephemeral=true&preauthorized=true&baseURL=http%3A%2F%2Fc%3A1"],
  [
    "s?baseURL=http://x",
    { ...wanted, baseUrl: "http://c:1" },
    "s?baseURL=http%3A%2F%2Fx&ephemeral=true&preauthorized=true",
  ],
])("%j is told each attribute once", (text, attributes, expected) => {
  expect(withAttributes(text, attributes)).toBe(expected);
});
