package main

import (
	"fmt"
	"net/netip"
	"strings"

	"tailscale.com/net/tsaddr"
	"tailscale.com/tailcfg"
	"tailscale.com/util/dnsname"
)

// nameLocked picks the first free name for a hostname: web, web-1, web-2.
// The node itself may keep the name it has.
func (t *Tailnet) nameLocked(hostname string, self *Node) string {
	base := dnsname.SanitizeHostname(hostname)
	if base == "" {
		base = "unnamed"
	}
	taken := map[string]bool{}
	for _, n := range t.nodes {
		if n != self {
			taken[n.name] = true
		}
	}
	return firstFree(base, taken)
}

func firstFree(base string, taken map[string]bool) string {
	name := base
	for i := 1; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// stillNamedAfter reports whether name was made from hostname, with or without a number.
func stillNamedAfter(name, hostname string) bool {
	base := dnsname.SanitizeHostname(hostname)
	rest, ok := strings.CutPrefix(name, base)
	if !ok {
		return false
	}
	return rest == "" || strings.HasPrefix(rest, "-") && strings.Trim(rest[1:], "0123456789") == ""
}

// address gives each node id an address of its own in 100.64.0.0/10.
func address(id tailcfg.NodeID) netip.Addr {
	return netip.AddrFrom4([4]byte{100, 64 + byte(id>>16&0x3f), byte(id >> 8), byte(id)})
}

// prefixes returns both addresses of a node, as control announces them.
func (n *Node) prefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(n.ip, 32),
		netip.PrefixFrom(tsaddr.Tailscale4To6(n.ip), 128),
	}
}
