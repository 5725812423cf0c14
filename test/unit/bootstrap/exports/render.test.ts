import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { renderExports } from "../../../../src/bootstrap/exports/render.ts";
import { foreignProxyVariables, proxyVariables } from "../../../../src/bootstrap/exports/variables.ts";

const proxy = { host: "127.0.0.1", port: 1055 };

test("renderExports writes the variables in both cases for sh", () => {
  expect(renderExports(proxyVariables(proxy, {}), "sh")).toMatchInlineSnapshot(`
    "export ALL_PROXY=socks5h://127.0.0.1:1055
    export all_proxy=socks5h://127.0.0.1:1055
    export HTTP_PROXY=http://127.0.0.1:1055
    export http_proxy=http://127.0.0.1:1055
    export HTTPS_PROXY=http://127.0.0.1:1055
    export https_proxy=http://127.0.0.1:1055
    export NO_PROXY=localhost,127.0.0.1,::1
    export no_proxy=localhost,127.0.0.1,::1
    export TSMCP_PROXY=http://127.0.0.1:1055
    "
  `);
});

test.each(["fish", "json", "github", "dotenv"] as const)("renderExports writes them for %s", (shell) => {
  expect(renderExports(proxyVariables(proxy, { NO_PROXY: "a.example" }), shell)).toMatchSnapshot();
});

test("a hostile NO_PROXY is only a value when a shell reads it", () => {
  const env = { NO_PROXY: "$(touch /tmp/x),`id`,a'b\nEVIL=1,é" };
  const text = renderExports(proxyVariables(proxy, env), "sh");
  const seen = execFileSync("/bin/sh", ["-c", `${text}printf %s "$NO_PROXY"`], { encoding: "utf8" });
  expect(seen).toBe("$(touch,/tmp/x),`id`,a'b,EVIL=1,localhost,127.0.0.1,::1");
  expect(
    renderExports(proxyVariables(proxy, env), "github")
      .split("\n")
      .filter((line) => !line.includes("roxy".toUpperCase()) && !line.includes("roxy")),
  ).toEqual([""]);
});

test("foreignProxyVariables names what the platform set, and not what is ours", () => {
  const env = { ALL_PROXY: "socks5h://127.0.0.1:1055", https_proxy: "http://egress.example:3128", HTTP_PROXY: "" };
  expect(foreignProxyVariables(proxy, env)).toEqual(["https_proxy"]);
  const moved = {
    TSMCP_PROXY: "http://127.0.0.1:9",
    ALL_PROXY: "socks5h://127.0.0.1:9",
    HTTP_PROXY: "http://127.0.0.1:9",
  };
  expect(foreignProxyVariables(proxy, moved)).toEqual([]);
});
