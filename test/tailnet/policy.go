package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tailscale.com/tailcfg"
)

// Policy is the part of a tailnet policy file that the tests need.
type Policy struct {
	Grants    []Grant             `json:"grants"`
	TagOwners map[string][]string `json:"tagOwners"`
}

// Grant is written as in a policy file: who, to whom, which ports, which app capabilities.
type Grant struct {
	Src []string                              `json:"src"`
	Dst []string                              `json:"dst"`
	IP  []string                              `json:"ip"`  // "*", "443", "tcp:8000-9000"
	App map[tailcfg.PeerCapability][]RawValue `json:"app"` // capability → grant objects
}

// RawValue is a JSON value kept as it was written.
type RawValue = tailcfg.RawMessage

func allowAll() Policy {
	return Policy{Grants: []Grant{{Src: []string{"*"}, Dst: []string{"*"}, IP: []string{"*"}}}}
}

// check refuses what the server would otherwise ignore in silence.
func (p Policy) check() error {
	for i, g := range p.Grants {
		if len(g.Src) == 0 || len(g.Dst) == 0 || len(g.IP)+len(g.App) == 0 {
			return fmt.Errorf("grant %d: src, dst and one of ip or app are needed", i)
		}
		for _, port := range g.IP {
			if _, _, err := parsePort(port); err != nil {
				return fmt.Errorf("grant %d: %w", i, err)
			}
		}
	}
	return nil
}

// filterLocked returns the packet filter of one node. The unsigned Funnel relay
// must stand in no rule that permits packets: clients drop the whole filter if
// it does (packetFilterPermitsUnlockedNodes in ipn/ipnlocal). So "*" is written
// out as the addresses of the members.
func (t *Tailnet) filterLocked(n *Node) []tailcfg.FilterRule {
	rules := []tailcfg.FilterRule{}
	if n.ingress {
		return rules
	}
	for _, g := range t.policy.Grants {
		if !slices.ContainsFunc(g.Dst, func(s string) bool { return t.selects(s, n) }) {
			continue
		}
		sources := t.sourcesLocked(g.Src)
		if len(sources) == 0 {
			continue
		}
		rules = append(rules, portRules(g.IP, sources, n)...)
		if len(g.App) > 0 {
			rules = append(rules, tailcfg.FilterRule{
				SrcIPs:   sources,
				CapGrant: []tailcfg.CapGrant{{Dsts: n.prefixes(), CapMap: g.App}},
			})
		}
	}
	if relays := t.relayAddressesLocked(); len(relays) > 0 {
		rules = append(rules, tailcfg.FilterRule{
			SrcIPs:   relays,
			CapGrant: []tailcfg.CapGrant{{Dsts: n.prefixes(), CapMap: tailcfg.PeerCapMap{tailcfg.PeerCapabilityIngress: nil}}},
		})
	}
	return rules
}

func portRules(ports, sources []string, n *Node) []tailcfg.FilterRule {
	var rules []tailcfg.FilterRule
	for _, spec := range ports {
		protocols, span, err := parsePort(spec)
		if err != nil {
			continue // check refused it when the policy was set
		}
		var to []tailcfg.NetPortRange
		for _, p := range n.prefixes() {
			to = append(to, tailcfg.NetPortRange{IP: p.Addr().String(), Ports: span})
		}
		rules = append(rules, tailcfg.FilterRule{SrcIPs: sources, DstPorts: to, IPProto: protocols})
	}
	return rules
}

func (t *Tailnet) sourcesLocked(selectors []string) []string {
	var out []string
	for _, n := range t.sortedLocked() {
		if n.ingress || !slices.ContainsFunc(selectors, func(s string) bool { return t.selects(s, n) }) {
			continue
		}
		for _, p := range n.prefixes() {
			out = append(out, p.Addr().String())
		}
	}
	return out
}

func (t *Tailnet) relayAddressesLocked() []string {
	var out []string
	for _, n := range t.sortedLocked() {
		if n.ingress {
			for _, p := range n.prefixes() {
				out = append(out, p.Addr().String())
			}
		}
	}
	return out
}

// selects understands "*", tag:…, autogroup:member, autogroup:tagged, a login, a name, an address or a prefix.
func (t *Tailnet) selects(selector string, n *Node) bool {
	switch {
	case n.ingress:
		return false
	case selector == "*":
		return true
	case selector == "autogroup:member":
		return !n.tagged()
	case selector == "autogroup:tagged":
		return n.tagged()
	case strings.HasPrefix(selector, "tag:"):
		return slices.Contains(n.tags, selector)
	case strings.Contains(selector, "@"):
		return !n.tagged() && n.login == selector
	}
	if p, err := netip.ParsePrefix(selector); err == nil {
		return p.Contains(n.ip)
	}
	return selector == n.name || selector == t.dnsName(n) || selector == n.ip.String()
}

// parsePort reads "*", "443", "8000-9000" or "tcp:443"; no protocol means TCP, UDP and ICMP.
func parsePort(spec string) ([]int, tailcfg.PortRange, error) {
	if spec == "*" {
		return nil, tailcfg.PortRangeAny, nil
	}
	var protocols []int
	protocol, ports, found := strings.Cut(spec, ":")
	if !found {
		protocol, ports = "", spec
	}
	switch protocol {
	case "":
	case "tcp":
		protocols = []int{6}
	case "udp":
		protocols = []int{17}
	default:
		return nil, tailcfg.PortRange{}, fmt.Errorf("ip %q: protocol must be tcp or udp", spec)
	}
	if ports == "*" {
		return protocols, tailcfg.PortRangeAny, nil
	}
	first, last, ranged := strings.Cut(ports, "-")
	if !ranged {
		last = first
	}
	low, err1 := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || low > high {
		return nil, tailcfg.PortRange{}, fmt.Errorf("ip %q: want \"*\", a port or a range of ports", spec)
	}
	return protocols, tailcfg.PortRange{First: uint16(low), Last: uint16(high)}, nil
}
