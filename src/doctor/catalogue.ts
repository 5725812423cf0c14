import type { Check } from "./check.ts";
import { platformAgentCommand, platformAgentEntry, platformAgentFile } from "./checks/agent-files.ts";
import { platformAgentReach, platformAgentRules } from "./checks/agent-rules.ts";
import { tailnetCall } from "./checks/call.ts";
import { platformNode, platformSystem, platformTun } from "./checks/platform.ts";
import { platformClock } from "./checks/platform-clock.ts";
import { platformKey } from "./checks/platform-key.ts";
import { proxyConnect, proxySocks } from "./checks/proxy-connect.ts";
import { proxyExports } from "./checks/proxy-exports.ts";
import { proxyListening } from "./checks/proxy-listening.ts";
import { proxyLatency, proxyMagicDns } from "./checks/proxy-names.ts";
import { proxyPython } from "./checks/proxy-python.ts";
import { publicAddress, publicInitialize, publicTools } from "./checks/public.ts";
import { publicCall } from "./checks/public-call.ts";
import { publicCertificate } from "./checks/public-certificate.ts";
import { publicFlood } from "./checks/public-flood.ts";
import {
  separationForwardingHeaders,
  separationHeaderCount,
  separationHostHeader,
  separationIdentityHeaders,
  separationMessages,
  separationMethods,
  separationPaths,
  separationUpgrade,
} from "./checks/separation.ts";
import { separationBackend, separationLoopback } from "./checks/separation-backend.ts";
import { separationCaching } from "./checks/separation-caching.ts";
import { separationFunnel } from "./checks/separation-funnel.ts";
import { separationHostVersions } from "./checks/separation-host-versions.ts";
import { separationOrigins } from "./checks/separation-origins.ts";
import { separationPorts } from "./checks/separation-ports.ts";
import { separationConnection, separationSmuggling } from "./checks/separation-smuggling.ts";
import { separationUnfinished } from "./checks/separation-unfinished.ts";
import { separationSession } from "./checks/session.ts";
import { tailnetInitialize, tailnetSurplus, tailnetTools } from "./checks/tailnet.ts";
import { tailnetDial } from "./checks/tailnet-dial.ts";
import { tailnetEra } from "./checks/tailnet-era.ts";
import { tailnetGrants } from "./checks/tailnet-grants.ts";
import { tailnetIdentity } from "./checks/tailnet-identity.ts";
import { tailnetLock } from "./checks/tailnet-lock.ts";
import { tailnetName } from "./checks/tailnet-name.ts";
import { tailnetTls } from "./checks/tailnet-tls.ts";
import { tailscaleHealth, tailscaleInstalled, tailscaleState } from "./checks/tailscale.ts";
import { tailscaleClone } from "./checks/tailscale-clone.ts";
import { tailscaleEphemeral, tailscaleExpiry, tailscaleShields, tailscaleTags } from "./checks/tailscale-node.ts";
import { tailscaleVersion } from "./checks/tailscale-version.ts";

/** Every check, along the path from this machine to the stranger on the internet. */
export const catalogue: readonly Check[] = [
  platformNode,
  platformSystem,
  platformTun,
  platformClock,
  platformKey,
  platformAgentFile,
  platformAgentEntry,
  platformAgentCommand,
  platformAgentRules,
  platformAgentReach,
  tailscaleInstalled,
  tailscaleVersion,
  tailscaleState,
  tailscaleHealth,
  tailscaleExpiry,
  tailscaleTags,
  tailscaleShields,
  tailscaleEphemeral,
  tailscaleClone,
  proxyExports,
  proxyListening,
  proxyConnect,
  proxySocks,
  proxyMagicDns,
  proxyLatency,
  proxyPython,
  tailnetName,
  tailnetGrants,
  tailnetDial,
  tailnetTls,
  tailnetInitialize,
  tailnetEra,
  tailnetIdentity,
  tailnetTools,
  tailnetSurplus,
  tailnetLock,
  tailnetCall,
  publicAddress,
  publicInitialize,
  publicTools,
  publicCall,
  publicCertificate,
  publicFlood,
  separationHostHeader,
  separationForwardingHeaders,
  separationIdentityHeaders,
  separationHeaderCount,
  separationUpgrade,
  separationMessages,
  separationPaths,
  separationMethods,
  separationSession,
  separationPorts,
  separationCaching,
  separationOrigins,
  separationBackend,
  separationFunnel,
  separationLoopback,
  separationHostVersions,
];

/** What `up` runs at its end: enough to say that the agent will have its tools and the internet will not. */
export const quickSet: readonly string[] = [
  "tailscale.state",
  "proxy.connect",
  "tailnet.tools",
  "public.tools",
  "separation.host-header",
  "separation.ports",
];

/** What is tried in a sandbox alone, and there only with --intrusive, after everything else. */
export const intrusiveCatalogue: readonly Check[] = [separationConnection, separationSmuggling, separationUnfinished];
