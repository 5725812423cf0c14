package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"tailscale.com/derp/derpserver"
	"tailscale.com/net/stun"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"
)

// Relay is the DERP server and the STUN responder of the one region.
type Relay struct {
	gate *Gate
	stun *net.UDPConn
	mute atomic.Bool

	latency atomic.Int64 // nanoseconds, one way, for what the relay sends from now on
}

func startRelay(ca *Authority) (*Relay, error) {
	gate, err := newGate()
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	cert, err := ca.issue(Leaf{Name: "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	r := &Relay{gate: gate, stun: udp}
	derp := derpserver.New(key.NewNode(), logger.Discard)
	server := &http.Server{
		Handler:      derpserver.Handler(derp),
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{cert.tls}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // DERP upgrades: HTTP/1.1 only
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	go server.ServeTLS(lateListener{gate, &r.latency}, "", "")
	go r.answerSTUN()
	return r, nil
}

// set cuts or restores relay and STUN together.
func (r *Relay) set(mode Mode) error {
	r.mute.Store(mode != Open)
	return r.gate.set(mode)
}

func (r *Relay) derpMap() *tailcfg.DERPMap {
	return &tailcfg.DERPMap{
		OmitDefaultRegions: true,
		Regions: map[int]*tailcfg.DERPRegion{1: {
			RegionID: 1, RegionCode: "test", RegionName: "Test",
			Nodes: []*tailcfg.DERPNode{{
				Name: "1a", RegionID: 1, HostName: "127.0.0.1", IPv4: "127.0.0.1", IPv6: "none",
				DERPPort: r.gate.port, STUNPort: r.stun.LocalAddr().(*net.UDPAddr).Port, STUNTestIP: "127.0.0.1",
				InsecureForTests: true,
			}},
		}},
	}
}

func (r *Relay) answerSTUN() {
	buf := make([]byte, 2048)
	for {
		n, from, err := r.stun.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		id, err := stun.ParseBindingRequest(buf[:n])
		if err != nil || r.mute.Load() {
			continue
		}
		r.stun.WriteToUDPAddrPort(stun.Response(id, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())), from)
	}
}
