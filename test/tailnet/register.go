package main

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"path"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// Identity is what a key or a person's login gives a node.
type Identity struct {
	login     string
	tags      []string
	ephemeral bool
	approve   bool
	ingress   bool
}

// PendingLogin is a login URL that nobody has followed to the end yet.
type PendingLogin struct {
	url  string
	done chan struct{} // closed when identity is set
	who  Identity
}

// register answers a node that wants in, refreshes its key or logs out.
func (t *Tailnet) register(ctx context.Context, req *tailcfg.RegisterRequest, machine key.MachinePublic) tailcfg.RegisterResponse {
	if req.Followup != "" {
		t.awaitLogin(ctx, req.Followup)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.nodeByKeyLocked(req.NodeKey)
	if known != nil && known.machine != machine {
		return refused(errors.New("node key belongs to another machine"))
	}
	if !req.Expiry.IsZero() && req.Expiry.Before(t.now()) {
		t.logoutLocked(known)
		return tailcfg.RegisterResponse{NodeKeyExpired: true}
	}
	if known != nil && !known.expired(t.now()) {
		return t.registeredLocked(known)
	}
	who, err := t.identifyLocked(req, machine)
	if err != nil {
		return refused(err)
	}
	if who == nil {
		if known != nil {
			return tailcfg.RegisterResponse{NodeKeyExpired: true}
		}
		return tailcfg.RegisterResponse{AuthURL: t.newLoginLocked().url}
	}
	tags, err := t.tagsForLocked(*who, requestTags(req.Hostinfo))
	if err != nil {
		return refused(err)
	}
	who.tags = tags
	old := cmp.Or(known, t.ownedLocked(req.OldNodeKey, machine), t.nodeByMachineLocked(machine))
	n := t.admitLocked(old, *who, req, machine)
	t.changedLocked()
	return t.registeredLocked(n)
}

// identifyLocked returns nil without an error when a person must log in first.
func (t *Tailnet) identifyLocked(req *tailcfg.RegisterRequest, machine key.MachinePublic) (*Identity, error) {
	if login := t.loginOf(req.Followup); login != nil {
		who := login.who
		return &who, nil
	}
	if req.Auth == nil || req.Auth.AuthKey == "" {
		return nil, nil
	}
	k, err := t.redeemLocked(req.Auth.AuthKey, machine)
	if err != nil {
		return nil, err
	}
	return &Identity{login: k.login, tags: k.tags, ephemeral: k.ephemeral, approve: k.approve, ingress: k.ingress}, nil
}

// admitLocked makes a node, or lets a returning machine keep its id and address.
func (t *Tailnet) admitLocked(n *Node, who Identity, req *tailcfg.RegisterRequest, machine key.MachinePublic) *Node {
	returning := n != nil
	if !returning {
		t.lastID++
		n = &Node{id: t.lastID, ip: address(t.lastID), machine: machine, created: t.now(), homeDERP: 1}
		t.nodes[n.id] = n
	}
	n.key = req.NodeKey
	n.capability = req.Version
	n.hostinfo = req.Hostinfo
	n.login, n.tags = who.login, who.tags
	n.ephemeral = who.ephemeral || req.Ephemeral
	n.ingress = who.ingress
	n.authorized = returning && n.authorized || !who.approve
	n.keyExpiry = t.now().Add(nodeKeyPeriod)
	if n.tagged() || n.ingress {
		n.keyExpiry = time.Time{}
	}
	if hostname := hostnameOf(req.Hostinfo); n.name == "" || !stillNamedAfter(n.name, hostname) {
		n.name = t.nameLocked(hostname, n)
	}
	return n
}

func (t *Tailnet) logoutLocked(n *Node) {
	if n == nil {
		return
	}
	if n.ephemeral {
		delete(t.nodes, n.id)
	} else {
		n.keyExpiry = t.now()
	}
	t.changedLocked()
}

func (t *Tailnet) registeredLocked(n *Node) tailcfg.RegisterResponse {
	u := t.ownerLocked(n)
	return tailcfg.RegisterResponse{
		User:              tailcfg.User{ID: u.id, DisplayName: u.display},
		Login:             tailcfg.Login{ID: tailcfg.LoginID(u.id), Provider: "test", LoginName: u.login, DisplayName: u.display},
		MachineAuthorized: n.authorized,
	}
}

func (t *Tailnet) ownedLocked(k key.NodePublic, machine key.MachinePublic) *Node {
	if n := t.nodeByKeyLocked(k); n != nil && n.machine == machine {
		return n
	}
	return nil
}

func (t *Tailnet) newLoginLocked() *PendingLogin {
	id := randomHex(8)
	p := &PendingLogin{url: t.controlURL + "/a/" + id, done: make(chan struct{})}
	t.logins[id] = p
	return p
}

// awaitLogin returns when the person has logged in, or the node has gone.
func (t *Tailnet) awaitLogin(ctx context.Context, followup string) {
	t.mu.Lock()
	p := t.pendingLocked(followup)
	t.mu.Unlock()
	if p == nil {
		return
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
}

func (t *Tailnet) pendingLocked(loginURL string) *PendingLogin {
	u, err := url.Parse(loginURL)
	if err != nil {
		return nil
	}
	return t.logins[path.Base(u.Path)]
}

// loginOf returns a login only once somebody has completed it.
func (t *Tailnet) loginOf(followup string) *PendingLogin {
	p := t.pendingLocked(followup)
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
		return p
	default:
		return nil
	}
}

func (t *Tailnet) completeLoginLocked(loginURL string, who Identity) error {
	p := t.pendingLocked(loginURL)
	if p == nil || t.loginOf(loginURL) != nil {
		return errors.New("no login is waiting at that URL")
	}
	p.who = who
	close(p.done)
	return nil
}

func refused(err error) tailcfg.RegisterResponse {
	return tailcfg.RegisterResponse{Error: err.Error()}
}

func requestTags(hi *tailcfg.Hostinfo) []string {
	if hi == nil {
		return nil
	}
	return hi.RequestTags
}

func hostnameOf(hi *tailcfg.Hostinfo) string {
	if hi == nil {
		return ""
	}
	return hi.Hostname
}
