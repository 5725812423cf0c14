import { existsSync } from "node:fs";
import { machineCheck } from "../check.ts";

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
