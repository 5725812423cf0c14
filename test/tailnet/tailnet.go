// Command tailnet is a whole tailnet on loopback: coordination server, relay,
// certificate authority, public DNS and the public internet in front of Funnel.
package main

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// Tailnet is what the coordination server knows. Every field below mu is
// guarded by it; whoever changes one calls changedLocked, which wakes all map streams.
type Tailnet struct {
	suffix     string // "tail0a1b2c.ts.net"
	controlURL string
	derpMap    *tailcfg.DERPMap
	now        func() time.Time

	newsLatency atomic.Int64 // nanoseconds

	mu      sync.Mutex
	changed chan struct{}

	nodes  map[tailcfg.NodeID]*Node
	lastID tailcfg.NodeID
	users  map[string]*User

	keys      map[string]*AuthKey
	clients   map[string]*OAuthClient
	tokens    map[string]*OAuthClient // access tokens handed out
	logins    map[string]*PendingLogin
	policy    Policy
	defaults  NodeCapabilities
	approval  bool         // new nodes need approval unless their key is preauthorized
	lock      *TailnetLock // nil: none
	queryWait bool         // "tailscale serve" is told to wait for a missing capability
}

// Node is one machine of the tailnet.
type Node struct {
	id         tailcfg.NodeID
	name       string // first label
	machine    key.MachinePublic
	key        key.NodePublic
	disco      key.DiscoPublic
	ip         netip.Addr
	login      string // owner, unused while tags are set
	tags       []string
	created    time.Time
	keyExpiry  time.Time // zero: never
	signature  []byte    // of the tailnet lock, for this key
	ephemeral  bool
	authorized bool
	ingress    bool // the Funnel relay: unsigned, reaches the peer API only

	capability tailcfg.CapabilityVersion
	hostinfo   *tailcfg.Hostinfo
	endpoints  []netip.AddrPort
	homeDERP   int
	own        *NodeCapabilities // nil: the tailnet's defaults
	streams    int               // open map streams: above zero is online
	lastSeen   time.Time
}

// NodeCapabilities says what control allows a node to serve.
type NodeCapabilities struct {
	HTTPS       bool   `json:"https"`
	Funnel      bool   `json:"funnel"`
	FunnelPorts string `json:"funnelPorts"` // "443,8443,10000"
	Logs        bool   `json:"logs"`        // nodes must upload theirs
	NoMagicDNS  bool   `json:"noMagicDns"`
}

func newTailnet(suffix string) *Tailnet {
	t := &Tailnet{
		suffix:    suffix,
		now:       time.Now,
		changed:   make(chan struct{}),
		nodes:     map[tailcfg.NodeID]*Node{},
		users:     map[string]*User{},
		keys:      map[string]*AuthKey{},
		clients:   map[string]*OAuthClient{},
		tokens:    map[string]*OAuthClient{},
		logins:    map[string]*PendingLogin{},
		policy:    allowAll(),
		defaults:  NodeCapabilities{HTTPS: true, Funnel: true, FunnelPorts: "443,8443,10000"},
		queryWait: true,
	}
	t.userLocked(taggedDevices)
	return t
}

// changedLocked tells every map stream to look again.
func (t *Tailnet) changedLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// update runs f under the lock and wakes the map streams when it succeeds.
func (t *Tailnet) update(f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := f(); err != nil {
		return err
	}
	t.changedLocked()
	return nil
}

func (t *Tailnet) nodeByKeyLocked(k key.NodePublic) *Node {
	if k.IsZero() {
		return nil
	}
	for _, n := range t.nodes {
		if n.key == k {
			return n
		}
	}
	return nil
}

func (t *Tailnet) nodeByMachineLocked(m key.MachinePublic) *Node {
	for _, n := range t.nodes {
		if n.machine == m {
			return n
		}
	}
	return nil
}

// findLocked finds a node by full name, first label or address.
func (t *Tailnet) findLocked(who string) (*Node, error) {
	who = strings.ToLower(strings.TrimSuffix(who, "."))
	for _, n := range t.nodes {
		if who == n.name || who == t.dnsName(n) || who == n.ip.String() {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node %q in this tailnet", who)
}

// dnsName returns "host.tail0a1b2c.ts.net", without a final dot.
func (t *Tailnet) dnsName(n *Node) string { return n.name + "." + t.suffix }

func (t *Tailnet) capabilitiesLocked(n *Node) NodeCapabilities {
	if n.own != nil {
		return *n.own
	}
	return t.defaults
}

func (n *Node) tagged() bool { return len(n.tags) > 0 }

func (n *Node) expired(now time.Time) bool {
	return !n.keyExpiry.IsZero() && !n.keyExpiry.After(now)
}
