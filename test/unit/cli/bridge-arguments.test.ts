import { describe, expect, it } from "vitest";
import { readBridgeCall } from "../../../src/cli/bridge-arguments.ts";
import { bridgeOptions } from "../../../src/cli/bridge-options.ts";

const url = "https://node.tailnet.ts.net:8443/mcp";

describe("readBridgeCall", () => {
  it("runs a URL with its flags at once", () => {
    const call = readBridgeCall([url, "--header", "A: 1", "--header", "B: 2", "--connect-timeout", "2s"], {});
    expect(call).toEqual({
      kind: "run",
      urls: [url],
      values: expect.objectContaining({ header: ["A: 1", "B: 2"], "connect-timeout": "2s" }),
      verbosity: "normal",
    });
  });

  it("tries /mcp and then / for a URL without a path", () => {
    expect(readBridgeCall(["https://node.tailnet.ts.net:8443"], {})).toMatchObject({
      urls: [url, "https://node.tailnet.ts.net:8443/"],
    });
  });

  it("dials a URL as it was typed, without a port too", () => {
    expect(readBridgeCall(["https://node.tailnet.ts.net/mcp"], {})).toMatchObject({
      urls: ["https://node.tailnet.ts.net/mcp"],
    });
  });

  it.each([
    ["a name, which needs the configuration", ["notes"]],
    ["help", ["--help"]],
    ["an unknown flag", [url, "--foo"]],
    ["a flag without its value", [url, "--proxy"]],
    ["nothing", []],
    ["two servers", [url, url]],
  ])("delegates %s", (_case, argv) => {
    expect(readBridgeCall(argv, {})).toEqual({ kind: "delegate" });
  });

  it("reads a flag that is not typed from its variable, but leaves TSMCP_PROXY to the bridge", () => {
    const env = { TSMCP_CALL_TIMEOUT: "5s", TSMCP_HEADER: "A: 1, B: 2", TSMCP_PROXY: "http://127.0.0.1:9" };
    expect(readBridgeCall([url, "--call-timeout", "1s"], env)).toMatchObject({
      values: { "call-timeout": "1s", header: ["A: 1", "B: 2"], proxy: undefined },
    });
  });
});

describe("bridgeOptions", () => {
  it("reads durations, sizes and counts", () => {
    const values = { "call-timeout": "90s", "max-message": "1MiB", "max-in-flight": "8", header: "A: 1" };
    expect(bridgeOptions([url], values)).toMatchObject({
      callTimeoutMs: 90_000,
      maxMessageBytes: 1_048_576,
      maxInFlight: 8,
      headers: ["A: 1"],
    });
  });

  it.each([
    ["max-message", "0", '--max-message: "0" is not a size between 1 byte and 512MiB'],
    ["max-message", "1e9", '--max-message: "1e9" is not a size between 1 byte and 512MiB'],
    ["max-in-flight", "-1", '--max-in-flight: "-1" is not a number from 1 to 999999'],
    ["connect-timeout", "soon", '--connect-timeout: "soon" is not a duration'],
  ])("refuses --%s %s", (name, value, message) => {
    expect(() => bridgeOptions([url], { [name]: value })).toThrow(
      expect.objectContaining({ code: "usage-invalid", message }),
    );
  });
});
