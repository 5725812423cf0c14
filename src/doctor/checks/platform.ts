import { existsSync } from "node:fs";
import { machineCheck, type Outcome } from "../check.ts";

export const platformNode = machineCheck<{ version: string }>({
  id: "platform.node",
  group: "platform",
  title: "Node.js is new enough",
  needs: [],
  timeoutMs: 1_000,
  source: "https://nodejs.org/en/about/previous-releases",
  explain: {
    proves: "tsmcp runs on a Node.js it is built for, 20.19 or newer.",
    breaks: "An image that pins an older Node.js.",
    mend: "Install Node.js 20.19, 22 or newer.",
  },
  gather: async () => ({ version: process.versions.node }),
  judge({ version }) {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const facts = { version };
    if (major > 20 || (major === 20 && minor >= 19)) return { status: "pass", message: `Node.js ${version}`, facts };
    return {
      status: "fail",
      message: `Node.js ${version} is older than 20.19`,
      facts,
      hint: "install Node.js 20.19 or newer",
    };
  },
});

export const platformTun = machineCheck<{ platform: string; hasTun: boolean }>({
  id: "platform.tun",
  group: "platform",
  title: "the way to the tailnet fits the machine",
  needs: [],
  timeoutMs: 1_000,
  source: "https://tailscale.com/kb/1112/userspace-networking",
  explain: {
    proves: "Whether this machine has a TUN device. Without one, programs reach the tailnet only through a proxy.",
    breaks:
      "Cloud agents' machines and most containers have no /dev/net/tun. That is fine, as long as a proxy is used.",
    mend: "Nothing to mend: tsmcp is made for machines without a TUN.",
  },
  gather: async () => ({ platform: process.platform, hasTun: existsSync("/dev/net/tun") }),
  judge({ platform, hasTun }) {
    const facts = { platform, hasTun };
    if (platform !== "linux") return { status: "skip", message: `not asked on ${platform}`, facts };
    return {
      status: "pass",
      message: hasTun ? "there is a TUN device" : "no TUN device: a proxy leads to the tailnet",
      facts,
    };
  },
});

export const platformSystem = machineCheck<{ platform: string; arch: string }>({
  id: "platform.system",
  group: "platform",
  title: "tsmcp is tested on this system",
  needs: [],
  timeoutMs: 1_000,
  source: "https://tailscale.com/kb/1347/installation",
  explain: {
    proves: "The operating system is one that tsmcp is tested on (Linux), or at least written for (macOS).",
    breaks: "Windows, where no path and no socket is as expected; use WSL 2 there.",
    mend: "Run it on Linux, or in WSL 2.",
  },
  gather: async () => ({ platform: process.platform, arch: process.arch }),
  judge: judgeSystem,
});

export function judgeSystem({ platform, arch }: { readonly platform: string; readonly arch: string }): Outcome {
  const facts = { platform, arch };
  if (platform === "linux") return { status: "pass", message: `${platform} ${arch}`, facts };
  if (platform === "darwin") {
    return {
      status: "warn",
      message: "tsmcp is written for macOS, and untested there",
      facts,
      hint: "tell its makers what does not work",
    };
  }
  return { status: "fail", message: `tsmcp does not know ${platform}`, facts, hint: "run it on Linux, or in WSL 2" };
}
