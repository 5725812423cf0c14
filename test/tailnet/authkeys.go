package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tailscale.com/types/key"
)

// AuthKey lets machines join.
type AuthKey struct {
	id        string
	secret    string
	login     string
	tags      []string
	reusable  bool
	ephemeral bool
	approve   bool // nodes of this key must be approved first
	ingress   bool // the tailnet's own Funnel relay
	expires   time.Time
	users     []key.MachinePublic // machines that joined with it
	revoked   bool
}

// KeyRequest is what a caller may ask of a new key.
type KeyRequest struct {
	Tags          []string `json:"tags"`
	Reusable      bool     `json:"reusable"`
	Ephemeral     bool     `json:"ephemeral"`
	Preauthorized *bool    `json:"preauthorized"` // absent: true
	ExpiresInMs   int64    `json:"expiresInMs"`   // absent: 90 days
	User          string   `json:"user"`
}

const (
	defaultUser   = "alice@example.com"
	keyLifetime   = 90 * 24 * time.Hour
	nodeKeyPeriod = 180 * 24 * time.Hour
)

func (t *Tailnet) createKeyLocked(r KeyRequest) *AuthKey {
	lifetime := keyLifetime
	if r.ExpiresInMs != 0 {
		lifetime = time.Duration(r.ExpiresInMs) * time.Millisecond
	}
	login := r.User
	if login == "" {
		login = defaultUser
	}
	id := "k" + randomHex(6) + "CNTRL"
	k := &AuthKey{
		id:        id,
		secret:    "tskey-auth-" + id + "-" + randomHex(16),
		login:     login,
		tags:      r.Tags,
		reusable:  r.Reusable,
		ephemeral: r.Ephemeral,
		approve:   r.Preauthorized != nil && !*r.Preauthorized,
		expires:   t.now().Add(lifetime),
	}
	t.keys[k.secret] = k
	return k
}

var errInvalidKey = errors.New("invalid authkey")

// redeemLocked checks a key and notes the use. "tailscale up --force-reauth" may
// register twice, the second time before it heard that the first went well: so
// the machine that used a one-time key may show it again until it logs out.
func (t *Tailnet) redeemLocked(secret string, machine key.MachinePublic) (*AuthKey, error) {
	k := t.keys[secret]
	switch {
	case k == nil:
		return nil, errInvalidKey
	case k.revoked:
		return nil, fmt.Errorf("%w: revoked", errInvalidKey)
	case !k.expires.After(t.now()):
		return nil, fmt.Errorf("%w: expired", errInvalidKey)
	case !k.reusable && len(k.users) > 0 && !t.joinedWithLocked(k, machine):
		return nil, fmt.Errorf("%w: already used", errInvalidKey)
	}
	k.users = append(k.users, machine)
	return k, nil
}

func (t *Tailnet) joinedWithLocked(k *AuthKey, machine key.MachinePublic) bool {
	n := t.nodeByMachineLocked(machine)
	return n != nil && !n.expired(t.now()) && slices.Contains(k.users, machine)
}

// tagsFor decides which tags a node gets that asked for some.
func (t *Tailnet) tagsForLocked(id Identity, requested []string) ([]string, error) {
	if len(requested) == 0 {
		return id.tags, nil
	}
	var refused []string
	for _, tag := range requested {
		if !t.mayTagLocked(id, tag) {
			refused = append(refused, tag)
		}
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("requested tags [%s] are invalid or not permitted", strings.Join(refused, " "))
	}
	return requested, nil
}

// mayTagLocked: a tagged key gives its own tags; a user gives what the policy
// lets them own, and everything while the policy has no owners at all.
func (t *Tailnet) mayTagLocked(id Identity, tag string) bool {
	if len(id.tags) > 0 {
		return slices.Contains(id.tags, tag)
	}
	if t.policy.TagOwners == nil {
		return strings.HasPrefix(tag, "tag:")
	}
	return slices.Contains(t.policy.TagOwners[tag], id.login)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
