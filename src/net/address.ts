import { BlockList, isIP, isIPv4 } from "node:net";

/** The ranges Tailscale gives its nodes. Source: https://tailscale.com/kb/1015/100.x-addresses */
const tailnetRanges: readonly string[] = ["100.64.0.0/10", "fd7a:115c:a1e0::/48"];

const loopbackRanges: readonly string[] = ["127.0.0.0/8", "::1/128"];

/** What the internet does not route. Source: the IANA special-purpose address registries (RFC 6890). */
const specialRanges: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/127",
  "64:ff9b:1::/48",
  "100::/64",
  "2001:db8::/32",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

/** Returns true for an IPv4 or IPv6 address as it stands, without brackets or port. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** Returns true for an address of a tailnet, also written as IPv4-mapped or with brackets. */
export function isTailnetAddress(address: string): boolean {
  return isInRanges(address, tailnetRanges);
}

/** Returns true for 127.0.0.0/8 and ::1, also mapped or with brackets. */
export function isLoopbackAddress(address: string): boolean {
  return isInRanges(address, loopbackRanges);
}

/** Returns true for an address that the internet routes; false for every special one and for what is no address. */
export function isPublicAddress(address: string): boolean {
  const plain = plainAddress(address);
  return isIP(plain) !== 0 && !isInRanges(plain, specialRanges);
}

/** Returns true when `address` lies in one of `ranges` (`10.0.0.0/8`, or one address); a malformed range holds nothing. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  const plain = plainAddress(address);
  if (isIP(plain) === 0) return false;
  return ranges.some((range) => isInRange(plain, range));
}

/**
 * Returns the address without brackets and zone, and as IPv4 where it stands for one: mapped (`::ffff:a.b.c.d`),
 * compatible (`::a.b.c.d`) and NAT64 (`64:ff9b::a.b.c.d`, RFC 6052) addresses all reach that IPv4 address.
 */
export function plainAddress(address: string): string {
  const bare = address.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  if (isIP(bare) !== 6) return bare;
  const groups = ipv6Groups(bare);
  const [high, low] = groups.slice(6);
  if (high === undefined || low === undefined) return bare;
  const prefix = groups.slice(0, 6).join(":");
  const embeds =
    prefix === "0:0:0:0:0:65535" || prefix === "100:65435:0:0:0:0" || (prefix === "0:0:0:0:0:0" && high > 0);
  return embeds ? `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` : bare;
}

/** The eight groups of a valid IPv6 address as numbers. */
function ipv6Groups(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined): string =>
    (Number(high) * 256 + Number(low)).toString(16);
  const text = dotted === null ? address : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [left = "", right] = text.split("::");
  const parse = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const head = parse(left);
  const tail = right === undefined ? [] : parse(right);
  return [...head, ...Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => 0), ...tail];
}

function isInRange(plain: string, range: string): boolean {
  const [base = "", bitsText] = range.split("/");
  const network = base.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(network);
  if (family === 0 || family !== isIP(plain)) return false;
  const type = isIPv4(network) ? "ipv4" : "ipv6";
  const most = family === 4 ? 32 : 128;
  const bits = bitsText === undefined ? most : Number(bitsText);
  if (bitsText === "" || !Number.isInteger(bits) || bits < 0 || bits > most) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, type);
  return list.check(plain, type);
}
