package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"
)

// Knobs is the HTTP interface on loopback by which tests turn the tailnet.
// Every call is a POST with a JSON object, and answers one.
type Knobs struct {
	tailnet  *Tailnet
	ca       *Authority
	relay    *Relay
	dns      *PublicDNS
	internet *Internet
	control  *Gate
	sweeper  *Sweeper
}

type nothing struct{}

type nodeRef struct {
	Node string `json:"node"` // full name, first label or address
}

func (k *Knobs) handler() http.Handler {
	t := k.tailnet
	mux := http.NewServeMux()
	on(mux, "/keys", func(r KeyRequest) (any, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		key := t.createKeyLocked(r)
		return map[string]string{"id": key.id, "key": key.secret}, nil
	})
	on(mux, "/keys/revoke", func(r struct {
		Key string `json:"key"`
	}) (any, error) {
		return nothing{}, t.update(func() error {
			key, ok := t.keys[r.Key]
			if !ok {
				return errors.New("no such key")
			}
			key.revoked = true
			return nil
		})
	})
	on(mux, "/oauth-clients", func(r struct {
		Tags    []string `json:"tags"`
		IDToken string   `json:"idToken"` // given: a federated identity
	}) (any, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		c := t.createClientLocked(r.Tags, r.IDToken)
		return map[string]string{"clientId": c.id, "clientSecret": c.secret}, nil
	})
	on(mux, "/policy", func(r struct {
		Grants    *[]Grant            `json:"grants"` // absent: everybody reaches everybody
		TagOwners map[string][]string `json:"tagOwners"`
	}) (any, error) {
		policy := allowAll()
		if r.Grants != nil {
			policy.Grants = *r.Grants
		}
		policy.TagOwners = r.TagOwners
		return nothing{}, t.update(func() error {
			if err := policy.check(); err != nil {
				return err
			}
			t.policy = policy
			return nil
		})
	})
	on(mux, "/approval", func(r struct {
		Required bool `json:"required"`
	}) (any, error) {
		return nothing{}, t.update(func() error { t.approval = r.Required; return nil })
	})
	on(mux, "/users", func(r struct {
		Login   string `json:"login"`
		Display string `json:"display"`
		Picture string `json:"picture"`
	}) (any, error) {
		return nothing{}, t.update(func() error {
			u := t.userLocked(r.Login)
			u.display, u.picture = r.Display, r.Picture
			return nil
		})
	})
	on(mux, "/logins/complete", func(r struct {
		URL       string   `json:"url"`
		User      string   `json:"user"`
		Tags      []string `json:"tags"`
		Ephemeral bool     `json:"ephemeral"`
	}) (any, error) {
		if r.User == "" {
			r.User = defaultUser
		}
		return nothing{}, t.update(func() error {
			return t.completeLoginLocked(r.URL, Identity{login: r.User, tags: r.Tags, ephemeral: r.Ephemeral, approve: t.approval})
		})
	})
	k.nodeKnobs(mux)
	k.lockKnobs(mux)
	k.networkKnobs(mux)
	return mux
}

func (k *Knobs) nodeKnobs(mux *http.ServeMux) {
	t := k.tailnet
	on(mux, "/nodes", func(nothing) (any, error) { return map[string]any{"nodes": t.describe()}, nil })
	on(mux, "/nodes/expire", func(r struct {
		nodeRef
		InMs int64 `json:"inMs"`
	}) (any, error) {
		return nothing{}, t.change(r.Node, func(n *Node) { n.keyExpiry = t.now().Add(time.Duration(r.InMs) * time.Millisecond) })
	})
	on(mux, "/nodes/approve", func(r nodeRef) (any, error) {
		return nothing{}, t.change(r.Node, func(n *Node) { n.authorized = true })
	})
	on(mux, "/nodes/remove", func(r nodeRef) (any, error) {
		return nothing{}, t.change(r.Node, func(n *Node) { delete(t.nodes, n.id) })
	})
	on(mux, "/nodes/tags", func(r struct {
		nodeRef
		Tags []string `json:"tags"`
	}) (any, error) {
		return nothing{}, t.change(r.Node, func(n *Node) { n.tags = r.Tags })
	})
	on(mux, "/capabilities", func(r struct {
		nodeRef                // empty: the default of all nodes
		NodeCapabilities       // what is not said is off
		Wait             *bool `json:"wait"` // whether the CLI is told to wait for what is missing
	}) (any, error) {
		if r.Node != "" {
			return nothing{}, t.change(r.Node, func(n *Node) { n.own = &r.NodeCapabilities })
		}
		return nothing{}, t.update(func() error {
			t.defaults = r.NodeCapabilities
			if r.Wait != nil {
				t.queryWait = *r.Wait
			}
			return nil
		})
	})
	on(mux, "/certificates", func(r Leaf) (any, error) { return nothing{}, k.ca.seed(r) })
}

func (k *Knobs) networkKnobs(mux *http.ServeMux) {
	type mode struct {
		Mode Mode `json:"mode"`
	}
	on(mux, "/control", func(r mode) (any, error) { return nothing{}, k.control.set(r.Mode) })
	on(mux, "/news", func(r struct {
		LatencyMs int64 `json:"latencyMs"` // from a change to the netmaps that tell of it
	}) (any, error) {
		k.tailnet.newsLatency.Store(r.LatencyMs * int64(time.Millisecond))
		return nothing{}, nil
	})
	on(mux, "/derp", func(r struct {
		Mode      Mode   `json:"mode"`      // empty: as it is
		LatencyMs *int64 `json:"latencyMs"` // one way, for what it relays from now on; absent: as it is
	}) (any, error) {
		if r.LatencyMs != nil {
			k.relay.latency.Store(*r.LatencyMs * int64(time.Millisecond))
		}
		if r.Mode == "" {
			return nothing{}, nil
		}
		return nothing{}, k.relay.set(r.Mode)
	})
	on(mux, "/dns", func(r struct {
		Mode      string       `json:"mode"`
		Name      string       `json:"name"`
		Addresses []netip.Addr `json:"addresses"` // absent: what the tailnet says
	}) (any, error) {
		if r.Name != "" {
			k.dns.override(r.Name, r.Addresses)
		}
		if r.Mode != "" {
			return nothing{}, k.dns.setMode(r.Mode)
		}
		return nothing{}, nil
	})
	on(mux, "/public", func(r struct {
		LatencyMs int64 `json:"latencyMs"` // one way, for connections made from now on
	}) (any, error) {
		k.internet.latency.Store(r.LatencyMs * int64(time.Millisecond))
		return nothing{}, nil
	})
	on(mux, "/ports", func(nothing) (any, error) {
		port, err := reservePort()
		return map[string]int{"port": port}, err
	})
	on(mux, "/leftovers", func(nothing) (any, error) { return map[string]any{"processes": k.sweeper.find()}, nil })
	on(mux, "/leftovers/claim", func(r struct {
		Path string `json:"path"`
	}) (any, error) {
		return nothing{}, k.sweeper.claim(r.Path)
	})
}

// change applies f to one node and tells everybody.
func (t *Tailnet) change(who string, f func(*Node)) error {
	return t.update(func() error {
		n, err := t.findLocked(who)
		if err != nil {
			return err
		}
		f(n)
		return nil
	})
}

// NodeInfo is a node as tests see it.
type NodeInfo struct {
	Name       string    `json:"name"`
	DNSName    string    `json:"dnsName"`
	IP         string    `json:"ip"`
	User       string    `json:"user"`
	Tags       []string  `json:"tags"`
	Online     bool      `json:"online"`
	Ephemeral  bool      `json:"ephemeral"`
	Authorized bool      `json:"authorized"`
	Expired    bool      `json:"expired"`
	Funnel     bool      `json:"funnel"`
	KeyExpiry  time.Time `json:"keyExpiry,omitzero"`
}

func (t *Tailnet) describe() []NodeInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []NodeInfo{}
	for _, n := range t.sortedLocked() {
		if n.ingress {
			continue
		}
		out = append(out, NodeInfo{
			Name: n.name, DNSName: t.dnsName(n), IP: n.ip.String(), User: t.ownerLocked(n).login, Tags: append([]string{}, n.tags...),
			Online: n.streams > 0, Ephemeral: n.ephemeral, Authorized: n.authorized, Expired: n.expired(t.now()),
			Funnel: t.offersFunnelLocked(n), KeyExpiry: n.keyExpiry,
		})
	}
	return out
}

// on serves one knob. What the tailnet refuses is 400 with {"error":…}.
func on[Request any](mux *http.ServeMux, path string, f func(Request) (any, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var req Request
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestLimit))
		d.DisallowUnknownFields()
		err := d.Decode(&req)
		var res any
		if err == nil {
			res, err = f(req)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			res = map[string]string{"error": fmt.Sprintf("%s: %v", path, err)}
		}
		writeJSON(w, res)
	})
}
