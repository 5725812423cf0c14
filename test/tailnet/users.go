package main

import (
	"strings"

	"tailscale.com/tailcfg"
)

// taggedDevices owns every tagged node, as in production.
const taggedDevices = "tagged-devices"

// User is somebody nodes can belong to.
type User struct {
	id      tailcfg.UserID
	login   string
	display string
	picture string
}

// userLocked returns the user of that login and makes it on first use.
func (t *Tailnet) userLocked(login string) *User {
	if u, ok := t.users[login]; ok {
		return u
	}
	name, _, _ := strings.Cut(login, "@")
	u := &User{id: tailcfg.UserID(len(t.users) + 1), login: login, display: capitalised(name)}
	if login == taggedDevices {
		u.display = "Tagged Devices"
	}
	t.users[login] = u
	return u
}

func (t *Tailnet) ownerLocked(n *Node) *User {
	if n.tagged() {
		return t.userLocked(taggedDevices)
	}
	return t.userLocked(n.login)
}

func (u *User) profile() tailcfg.UserProfile {
	return tailcfg.UserProfile{ID: u.id, LoginName: u.login, DisplayName: u.display, ProfilePicURL: u.picture}
}

func capitalised(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
