package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// publicAddress is where public DNS says the Funnel relays are (RFC 5737 documentation range:
// nothing answers there; clients are told the real, local ports by --connect-to).
var publicAddress = netip.AddrFrom4([4]byte{203, 0, 113, 1})

// PublicDNS is the resolver of the internet, over UDP and TCP on one port.
type PublicDNS struct {
	tailnet *Tailnet
	udp     *net.UDPConn
	tcp     net.Listener

	mu        sync.Mutex
	mode      string // "ok", "servfail" or "silent"
	overrides map[string][]netip.Addr
}

func startPublicDNS(t *Tailnet) (*PublicDNS, error) {
	tcp, udp, err := listenTwice()
	if err != nil {
		return nil, err
	}
	d := &PublicDNS{tailnet: t, udp: udp, tcp: tcp, mode: "ok", overrides: map[string][]netip.Addr{}}
	go d.serveUDP()
	go d.serveTCP()
	return d, nil
}

// listenTwice finds a port that is free for TCP and for UDP: the kernel gives
// one that is free for the one, and somebody else may have it for the other.
func listenTwice() (net.Listener, *net.UDPConn, error) {
	for tries := 1; ; tries++ {
		tcp, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Addr().(*net.TCPAddr).Port})
		if err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
		if tries == 16 {
			return nil, nil, err
		}
	}
}

func (d *PublicDNS) setMode(mode string) error {
	if mode != "ok" && mode != "servfail" && mode != "silent" {
		return fmt.Errorf("mode %q: want ok, servfail or silent", mode)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mode = mode
	return nil
}

// override gives a name these addresses; nil gives it back to the tailnet.
func (d *PublicDNS) override(name string, addresses []netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if addresses == nil {
		delete(d.overrides, canonical(name))
		return
	}
	d.overrides[canonical(name)] = addresses
}

func (d *PublicDNS) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := d.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if answer := d.answer(buf[:n]); answer != nil {
			d.udp.WriteToUDPAddrPort(answer, from)
		}
	}
}

func (d *PublicDNS) serveTCP() {
	for {
		c, err := d.tcp.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for {
				var length uint16
				if binary.Read(c, binary.BigEndian, &length) != nil {
					return
				}
				query := make([]byte, length)
				if _, err := io.ReadFull(c, query); err != nil {
					return
				}
				if answer := d.answer(query); answer != nil {
					c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				}
			}
		}()
	}
}

// answer returns nil when the resolver is to stay silent.
func (d *PublicDNS) answer(query []byte) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil
	}
	question, err := p.Question()
	if err != nil {
		return nil
	}
	d.mu.Lock()
	mode := d.mode
	addresses, overridden := d.overrides[canonical(question.Name.String())]
	d.mu.Unlock()
	if mode == "silent" {
		return nil
	}
	known := overridden
	if !overridden {
		addresses, known = d.tailnet.publicRecords(canonical(question.Name.String()))
	}
	reply := dnsmessage.Header{ID: header.ID, Response: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true}
	switch {
	case mode == "servfail":
		reply.RCode, addresses = dnsmessage.RCodeServerFailure, nil
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	}
	return encodeReply(reply, question, addresses)
}

func encodeReply(header dnsmessage.Header, question dnsmessage.Question, addresses []netip.Addr) []byte {
	b := dnsmessage.NewBuilder(nil, header)
	b.EnableCompression()
	b.StartQuestions()
	b.Question(question)
	b.StartAnswers()
	rr := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
	for _, a := range addresses {
		switch {
		case a.Is4() && question.Type == dnsmessage.TypeA:
			b.AResource(rr, dnsmessage.AResource{A: a.As4()})
		case a.Is6() && question.Type == dnsmessage.TypeAAAA:
			b.AAAAResource(rr, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	out, err := b.Finish()
	if err != nil {
		return nil
	}
	return out
}

// publicRecords: a name exists publicly only while its node offers Funnel.
func (t *Tailnet) publicRecords(name string) ([]netip.Addr, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.findLocked(name)
	if err != nil || name != t.dnsName(n) || !t.offersFunnelLocked(n) {
		return nil, false
	}
	return []netip.Addr{publicAddress}, true
}

func (t *Tailnet) offersFunnelLocked(n *Node) bool {
	allowed := t.capabilitiesLocked(n)
	return allowed.HTTPS && allowed.Funnel && n.hostinfo != nil && n.hostinfo.IngressEnabled
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
