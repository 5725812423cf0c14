package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"tailscale.com/tailcfg"
	"tailscale.com/types/dnstype"
)

// netmapLocked is everything one node is told. It is sent whole each time:
// a handful of nodes, and no incremental state that could be wrong.
func (t *Tailnet) netmapLocked(n *Node) *tailcfg.MapResponse {
	res := &tailcfg.MapResponse{
		Node:          t.selfLocked(n),
		DERPMap:       t.derpMap,
		Domain:        "example.com",
		DNSConfig:     t.dnsLocked(n),
		PacketFilters: map[string][]tailcfg.FilterRule{"base": t.filterLocked(n)},
		UserProfiles:  t.profilesLocked(),
	}
	// Peer API ports travel in Hostinfo.Services; without this nodes do not send them.
	res.CollectServices.Set(true)
	if t.lock != nil {
		res.TKAInfo = &tailcfg.TKAInfo{Head: t.lock.head()}
	}
	if n.authorized {
		for _, p := range t.sortedLocked() {
			if p != n && p.authorized {
				res.Peers = append(res.Peers, t.nodeLocked(p))
			}
		}
	}
	return res
}

func (t *Tailnet) selfLocked(n *Node) *tailcfg.Node {
	self := t.nodeLocked(n)
	allowed := t.capabilitiesLocked(n)
	self.CapMap = tailcfg.NodeCapMap{
		tailcfg.NodeAttrDisableUPnP:                   nil,
		tailcfg.NodeAttrDisableCaptivePortalDetection: nil,
	}
	if allowed.HTTPS {
		self.CapMap[tailcfg.CapabilityHTTPS] = nil
	}
	if allowed.Funnel {
		self.CapMap[tailcfg.NodeAttrFunnel] = nil
	}
	if allowed.Logs {
		self.CapMap[tailcfg.CapabilityDataPlaneAuditLogs] = nil
	}
	if t.lock != nil {
		self.CapMap[tailcfg.CapabilityTailnetLock] = nil
	}
	if allowed.FunnelPorts != "" {
		self.CapMap[tailcfg.CapabilityFunnelPorts+"?ports="+tailcfg.NodeCapability(allowed.FunnelPorts)] = nil
	}
	return self
}

func (t *Tailnet) nodeLocked(n *Node) *tailcfg.Node {
	online := n.streams > 0
	out := &tailcfg.Node{
		ID:                  n.id,
		StableID:            tailcfg.StableNodeID(fmt.Sprintf("n%dCNTRL", n.id)),
		Name:                t.dnsName(n) + ".",
		User:                t.ownerLocked(n).id,
		Key:                 n.key,
		KeyExpiry:           n.keyExpiry.UTC(),
		Machine:             n.machine,
		DiscoKey:            n.disco,
		Addresses:           n.prefixes(),
		AllowedIPs:          n.prefixes(),
		Endpoints:           n.endpoints,
		HomeDERP:            n.homeDERP,
		Created:             n.created.UTC(),
		Cap:                 n.capability,
		Tags:                n.tags,
		MachineAuthorized:   n.authorized,
		Online:              &online,
		UnsignedPeerAPIOnly: n.ingress,
		Expired:             n.expired(t.now()),
		KeySignature:        n.signature,
	}
	if n.hostinfo != nil {
		out.Hostinfo = n.hostinfo.View()
	}
	if !online && !n.lastSeen.IsZero() {
		seen := n.lastSeen.UTC()
		out.LastSeen = &seen
	}
	return out
}

func (t *Tailnet) dnsLocked(n *Node) *tailcfg.DNSConfig {
	dns := &tailcfg.DNSConfig{
		Proxied: !t.capabilitiesLocked(n).NoMagicDNS,
		Domains: []string{t.suffix},
		Routes:  map[string][]*dnstype.Resolver{t.suffix: nil},
	}
	if t.capabilitiesLocked(n).HTTPS {
		dns.CertDomains = []string{t.dnsName(n)}
	}
	return dns
}

func (t *Tailnet) profilesLocked() []tailcfg.UserProfile {
	var out []tailcfg.UserProfile
	for _, u := range t.users {
		out = append(out, u.profile())
	}
	slices.SortFunc(out, func(a, b tailcfg.UserProfile) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (t *Tailnet) sortedLocked() []*Node {
	out := make([]*Node, 0, len(t.nodes))
	for _, n := range t.nodes {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *Node) int { return cmp.Compare(a.id, b.id) })
	return out
}

// noteUpdateLocked takes in what a node says of itself in a non-streaming request.
// Streaming requests are read-only since capability version 68.
func (t *Tailnet) noteUpdateLocked(n *Node, req *tailcfg.MapRequest) {
	n.disco = req.DiscoKey
	n.capability = req.Version
	n.endpoints = usable(req.Endpoints)
	hi := req.Hostinfo
	if hi == nil {
		return
	}
	n.hostinfo = hi
	if !stillNamedAfter(n.name, hi.Hostname) {
		n.name = t.nameLocked(hi.Hostname, n)
	}
	if hi.NetInfo != nil && hi.NetInfo.PreferredDERP != 0 {
		n.homeDERP = hi.NetInfo.PreferredDERP
	}
}

func usable(endpoints []netip.AddrPort) []netip.AddrPort {
	return slices.DeleteFunc(endpoints, func(e netip.AddrPort) bool { return e.Addr().Zone() != "" || e.Addr().IsLinkLocalUnicast() })
}
