package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"tailscale.com/ipn/store/mem"
	"tailscale.com/tailcfg"
	"tailscale.com/tsnet"
	"tailscale.com/types/logger"
)

// funnelPorts are the public ports Funnel has.
var funnelPorts = []uint16{443, 8443, 10000}

// Internet stands in for the public side of Funnel: one listener for each
// public port, and a relay node that hands connections to the named node.
type Internet struct {
	tailnet   *Tailnet
	relay     *tsnet.Server
	listeners map[uint16]net.Listener
	latency   atomic.Int64 // one way, nanoseconds
	visitors  atomic.Uint32
}

func startInternet(ctx context.Context, t *Tailnet, dir string) (*Internet, error) {
	t.mu.Lock()
	key := t.createKeyLocked(KeyRequest{Ephemeral: true, User: "funnel@relay.test"})
	key.ingress = true
	t.mu.Unlock()
	i := &Internet{tailnet: t, listeners: map[uint16]net.Listener{}}
	i.relay = &tsnet.Server{
		Dir: dir, Store: new(mem.Store), Hostname: "funnel-ingress", AuthKey: key.secret, ControlURL: t.controlURL,
		Ephemeral: true, Logf: logger.Discard, UserLogf: logger.Discard,
	}
	if _, err := i.relay.Up(ctx); err != nil {
		return nil, fmt.Errorf("funnel relay: %w", err)
	}
	for _, port := range funnelPorts {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		i.listeners[port] = ln
		go i.serve(ln, port)
	}
	return i, nil
}

func (i *Internet) addresses() map[string]string {
	out := map[string]string{}
	for port, ln := range i.listeners {
		out[fmt.Sprint(port)] = ln.Addr().String()
	}
	return out
}

func (i *Internet) serve(ln net.Listener, port uint16) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			if err := i.visit(c.(*net.TCPConn), port); err != nil {
				log.Printf("internet: port %d: %v", port, err)
				c.(*net.TCPConn).SetLinger(0) // the visitor sees a reset, as from the real relays
			}
			c.Close()
		}()
	}
}

// visit carries one public connection to the node that its TLS server name means.
func (i *Internet) visit(c *net.TCPConn, port uint16) error {
	name, hello, err := serverName(c)
	if err != nil {
		return err
	}
	peer, err := i.tailnet.funnelPeer(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	up, err := i.relay.Dial(ctx, "tcp", peer.String())
	if err != nil {
		return err
	}
	defer up.Close()
	source := i.nextVisitor()
	fmt.Fprintf(up, "POST /v0/ingress HTTP/1.1\r\nHost: %s\r\nTailscale-Ingress-Src: %s\r\nTailscale-Ingress-Target: %s:%d\r\n\r\n",
		peer, source, canonical(name), port)
	fromNode := bufio.NewReader(up)
	res, err := http.ReadResponse(fromNode, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("%s: the node answered %s", name, res.Status)
	}
	carry(c, hello, up, fromNode, time.Duration(i.latency.Load()))
	return nil
}

// carry copies both ways. A side that ends its half is told on; a side that breaks ends both.
func carry(c *net.TCPConn, hello []byte, up net.Conn, fromNode io.Reader, latency time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if delayedCopy(up, io.MultiReader(bytes.NewReader(hello), c), latency) != nil {
			up.Close()
		}
		closeWrite(up)
	}()
	if delayedCopy(c, fromNode, latency) != nil {
		c.Close()
	}
	closeWrite(c)
	<-done
}

// nextVisitor gives each public connection an address of its own (RFC 5737, RFC 2544 ranges).
func (i *Internet) nextVisitor() netip.AddrPort {
	n := i.visitors.Add(1)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18 + byte(n>>16&1), byte(n >> 8), byte(n)}), 40000+uint16(n%20000))
}

// funnelPeer finds the peer API of the node a public name means.
func (t *Tailnet) funnelPeer(name string) (netip.AddrPort, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.findLocked(canonical(name))
	if err != nil {
		return netip.AddrPort{}, err
	}
	if canonical(name) != t.dnsName(n) || !t.offersFunnelLocked(n) {
		return netip.AddrPort{}, fmt.Errorf("%q does not use Funnel", name)
	}
	for _, s := range n.hostinfo.Services {
		if s.Proto == tailcfg.PeerAPI4 {
			return netip.AddrPortFrom(n.ip, s.Port), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%q announces no peer API", name)
}

func closeWrite(c any) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
