import { TsmcpError } from "../core/errors.ts";
import type { NodeSettings } from "../tailscale/up-arguments.ts";

/** A label of RFC 1035: what `tailscale up` accepts as a host name. Source: tailscale `util/dnsname`, ValidHostname. */
const hostnamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
/** Source: tailscale `tailcfg`, CheckTag. */
const tagPattern = /^tag:[a-z][a-z0-9-]*$/i;

/**
 * Returns the settings as tailscale stores them (`eng` is `tag:eng`). They are checked before a daemon is started for
 * nothing. Throws `usage-invalid`.
 */
export function checkNodeSettings(settings: NodeSettings): NodeSettings {
  const { hostname, loginServer } = settings;
  if (hostname !== undefined && !hostnamePattern.test(hostname)) {
    throw invalid("--hostname", hostname, "is not a host name", "use 1 to 63 letters, digits and inner dashes");
  }
  if (loginServer !== undefined && !isWebUrl(loginServer)) {
    throw invalid("--login-server", loginServer, "is not a URL", "write the server's URL, such as https://example.com");
  }
  const advertiseTags = settings.advertiseTags.map((tag) => (tag.includes(":") ? tag : `tag:${tag}`));
  const badTag = advertiseTags.find((tag) => !tagPattern.test(tag));
  if (badTag !== undefined) {
    throw invalid("--advertise-tags", badTag, "is not a tag", "write tags such as tag:agent, with commas between them");
  }
  return {
    ...settings,
    advertiseTags,
    loginServer: loginServer?.replace(/\/+$/, ""),
  };
}

function isWebUrl(text: string): boolean {
  if (/[\u0000-\u0020\u007f\\]/.test(text) || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

function invalid(option: string, value: string, what: string, hint: string): TsmcpError {
  return new TsmcpError({ code: "usage-invalid", message: `${option}: ${JSON.stringify(value)} ${what}`, hint });
}
