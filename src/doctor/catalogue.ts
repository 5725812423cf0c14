import type { Check } from "./check.ts";
import { publicCall, tailnetCall } from "./checks/call.ts";
import { platformNode, platformTun } from "./checks/platform.ts";
import { proxyConnect, proxySocks } from "./checks/proxy-connect.ts";
import { proxyListening } from "./checks/proxy-listening.ts";
import { publicAddress, publicInitialize, publicTools } from "./checks/public.ts";
import {
  separationForwardingHeaders,
  separationHeaderCount,
  separationHostHeader,
  separationIdentityHeaders,
} from "./checks/separation.ts";
import { separationSession } from "./checks/session.ts";
import { tailnetDial, tailnetInitialize, tailnetTools } from "./checks/tailnet.ts";
import { tailscaleHealth, tailscaleInstalled, tailscaleState } from "./checks/tailscale.ts";

/** Every check, along the path from this machine to the stranger on the internet. */
export const catalogue: readonly Check[] = [
  platformNode,
  platformTun,
  tailscaleInstalled,
  tailscaleState,
  tailscaleHealth,
  proxyListening,
  proxyConnect,
  proxySocks,
  tailnetDial,
  tailnetInitialize,
  tailnetTools,
  tailnetCall,
  publicAddress,
  publicInitialize,
  publicTools,
  publicCall,
  separationHostHeader,
  separationForwardingHeaders,
  separationIdentityHeaders,
  separationHeaderCount,
  separationSession,
];

/** What `up` runs at its end: enough to say that the agent will have its tools and the internet will not. */
export const quickSet: readonly string[] = [
  "tailscale.state",
  "proxy.connect",
  "tailnet.tools",
  "public.tools",
  "separation.host-header",
];
