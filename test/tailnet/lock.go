package main

import (
	"crypto/rand"
	"net/http"

	"tailscale.com/tailcfg"
	"tailscale.com/tka"
	"tailscale.com/types/key"
)

// TailnetLock has one signing key, which the coordination server holds; a real one never does.
type TailnetLock struct {
	key     key.NLPrivate
	genesis tka.AUM
}

func newTailnetLock() (*TailnetLock, error) {
	l := &TailnetLock{key: key.NewNLPrivate()}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	state := tka.State{
		Keys:              []tka.Key{{Kind: tka.Key25519, Public: l.key.Public().Verifier(), Votes: 2}},
		DisablementValues: [][]byte{tka.DisablementKDF(secret)},
	}
	_, genesis, err := tka.Create(tka.ChonkMem(), state, l.key)
	l.genesis = genesis
	return l, err
}

func (l *TailnetLock) head() string {
	hash := l.genesis.Hash()
	text, _ := hash.MarshalText() // never fails
	return string(text)
}

func (l *TailnetLock) sign(node key.NodePublic) ([]byte, error) {
	public, err := node.MarshalBinary()
	if err != nil {
		return nil, err
	}
	signature := tka.NodeKeySignature{SigKind: tka.SigDirect, KeyID: l.key.KeyID(), Pubkey: public}
	signature.Signature, err = l.key.SignNKS(signature.SigHash())
	return signature.Serialize(), err
}

// tkaBootstrap tells a node which lock there is.
func (c *Control) tkaBootstrap(w http.ResponseWriter, r *http.Request) {
	c.answerLocked(w, func(l *TailnetLock) any {
		return tailcfg.TKABootstrapResponse{GenesisAUM: l.genesis.Serialize()}
	})
}

// tkaOffer tells a node that it knows everything: the lock never changes.
func (c *Control) tkaOffer(w http.ResponseWriter, r *http.Request) {
	c.answerLocked(w, func(l *TailnetLock) any { return tailcfg.TKASyncOfferResponse{Head: l.head()} })
}

func (c *Control) answerLocked(w http.ResponseWriter, answer func(*TailnetLock) any) {
	c.tailnet.mu.Lock()
	defer c.tailnet.mu.Unlock()
	if c.tailnet.lock == nil {
		http.Error(w, "this tailnet has no lock", http.StatusNotFound)
		return
	}
	writeJSON(w, answer(c.tailnet.lock))
}

func (k *Knobs) lockKnobs(mux *http.ServeMux) {
	t := k.tailnet
	on(mux, "/lock", func(nothing) (any, error) {
		return nothing{}, t.update(func() (err error) {
			t.lock, err = newTailnetLock()
			return err
		})
	})
	on(mux, "/lock/sign", func(r nodeRef) (any, error) {
		return nothing{}, t.update(func() error {
			n, err := t.findLocked(r.Node)
			if err != nil {
				return err
			}
			n.signature, err = t.lock.sign(n.key)
			return err
		})
	})
}
