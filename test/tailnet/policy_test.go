package main

import (
	"slices"
	"testing"

	"tailscale.com/tailcfg"
)

func TestParsePort(t *testing.T) {
	for spec, want := range map[string]tailcfg.PortRange{
		"*": tailcfg.PortRangeAny, "tcp:*": tailcfg.PortRangeAny,
		"443": {First: 443, Last: 443}, "udp:53": {First: 53, Last: 53}, "tcp:8000-9000": {First: 8000, Last: 9000},
	} {
		if _, got, err := parsePort(spec); err != nil || got != want {
			t.Errorf("parsePort(%q) = %v, %v", spec, got, err)
		}
	}
	for _, spec := range []string{"", "http", "70000", "9-8", "sctp:1", "tcp:"} {
		if _, _, err := parsePort(spec); err == nil {
			t.Errorf("parsePort(%q) is accepted", spec)
		}
	}
}

// Clients drop a packet filter that permits anything to an unsigned node.
func TestRelayStandsInNoRuleThatPermitsPackets(t *testing.T) {
	net := newTailnet("tail.ts.net")
	web := &Node{id: 1, name: "web", ip: address(1), tags: []string{"tag:server"}}
	agent := &Node{id: 2, name: "agent", ip: address(2), login: "alice@example.com"}
	relay := &Node{id: 3, name: "relay", ip: address(3), ingress: true}
	for _, n := range []*Node{web, agent, relay} {
		net.nodes[n.id] = n
	}
	granted := false
	for _, rule := range net.filterLocked(web) {
		fromRelay := slices.Contains(rule.SrcIPs, relay.ip.String()) || slices.Contains(rule.SrcIPs, "*")
		if fromRelay && len(rule.DstPorts) > 0 {
			t.Errorf("the relay may send packets: %+v", rule)
		}
		granted = granted || fromRelay && len(rule.CapGrant) > 0
	}
	if !granted {
		t.Error("the relay may not hand over connections")
	}
	if rules := net.filterLocked(relay); len(rules) != 0 {
		t.Errorf("the relay lets somebody in: %+v", rules)
	}
}

func TestSelects(t *testing.T) {
	net := newTailnet("tail.ts.net")
	tagged := &Node{name: "web", ip: address(1), login: "alice@example.com", tags: []string{"tag:server"}}
	owned := &Node{name: "laptop", ip: address(2), login: "alice@example.com"}
	for _, c := range []struct {
		selector      string
		tagged, owned bool
	}{
		{"*", true, true},
		{"tag:server", true, false},
		{"alice@example.com", false, true}, // a tagged node has no owner
		{"autogroup:member", false, true},
		{"autogroup:tagged", true, false},
		{"web", true, false},
		{"laptop.tail.ts.net", false, true},
		{"100.64.0.1", true, false},
		{"100.64.0.0/10", true, true},
		{"lap", false, false},
	} {
		if got := [2]bool{net.selects(c.selector, tagged), net.selects(c.selector, owned)}; got != [2]bool{c.tagged, c.owned} {
			t.Errorf("selects(%q) = %v", c.selector, got)
		}
	}
}
