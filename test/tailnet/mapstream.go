package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/util/zstdframe"
)

// keepAlivePeriod stays well under the two minutes after which a node gives up.
const keepAlivePeriod = 50 * time.Second

func (c *Control) serveMap(w http.ResponseWriter, r *http.Request) {
	var req tailcfg.MapRequest
	machine, err := c.decode(r, &req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, ok := c.tailnet.noteMapRequest(&req, machine)
	if !ok {
		http.Error(w, "node not found", http.StatusNotFound)
		return
	}
	out := mapWriter{w: w, compress: req.Compress == "zstd"}
	switch {
	case req.Stream:
		c.tailnet.stream(r.Context(), id, out)
	case !req.OmitPeers:
		if body, _, ok := c.tailnet.encodedMap(id); ok {
			out.send(body)
		}
	}
}

// noteMapRequest finds the node, and takes in its news when the request may bring any.
func (t *Tailnet) noteMapRequest(req *tailcfg.MapRequest, machine key.MachinePublic) (tailcfg.NodeID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.ownedLocked(req.NodeKey, machine)
	if n == nil {
		return 0, false
	}
	if !req.Stream && !req.ReadOnly {
		t.noteUpdateLocked(n, req)
		t.changedLocked()
	}
	return n.id, true
}

// stream sends the netmap at once and again whenever it differs, until the node leaves.
func (t *Tailnet) stream(ctx context.Context, id tailcfg.NodeID, out mapWriter) {
	t.connected(id, +1)
	defer t.connected(id, -1)
	keepAlive := time.NewTicker(keepAlivePeriod)
	defer keepAlive.Stop()
	var last []byte
	for {
		body, changed, ok := t.encodedMap(id)
		if !ok {
			out.send(removedFrom(last))
			return
		}
		if !bytes.Equal(body, last) {
			if out.send(body) != nil {
				return
			}
			last = body
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				waiting = false
				t.delayNews(ctx)
			case <-keepAlive.C:
				if out.send([]byte(`{"KeepAlive":true}`)) != nil {
					return
				}
			}
		}
	}
}

// delayNews lets time pass between a change and the other nodes' netmaps, as a
// coordination server far away does; a node's own first netmap comes at once.
func (t *Tailnet) delayNews(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(t.newsLatency.Load())):
	}
}

// encodedMap also returns the channel that closes at the next change, taken
// under the same lock so that no change is missed.
func (t *Tailnet) encodedMap(id tailcfg.NodeID) (body []byte, changed <-chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[id]
	if n == nil {
		return nil, nil, false
	}
	res := t.netmapLocked(n)
	if len(res.Peers) == 0 {
		// An empty list is left out of the JSON and would mean "as before".
		for known := tailcfg.NodeID(1); known <= t.lastID; known++ {
			if known != id {
				res.PeersRemoved = append(res.PeersRemoved, known)
			}
		}
	}
	body, err := json.Marshal(res)
	if err != nil {
		panic(err) // only our own types are in it
	}
	return body, t.changed, true
}

// removedFrom turns the last netmap of a removed node into its farewell: the
// key has expired, so the node asks for a new login instead of retrying for ever.
func removedFrom(last []byte) []byte {
	var res tailcfg.MapResponse
	if json.Unmarshal(last, &res) != nil || res.Node == nil {
		return []byte(`{"KeepAlive":true}`)
	}
	res.Node.KeyExpiry = time.Unix(1, 0).UTC()
	res.Node.Expired = true
	body, err := json.Marshal(res)
	if err != nil {
		panic(err)
	}
	return body
}

func (t *Tailnet) connected(id tailcfg.NodeID, by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[id]
	if n == nil {
		return
	}
	n.streams += by
	n.lastSeen = t.now()
	t.changedLocked()
}

// mapWriter frames messages: four bytes of little-endian length, then the
// JSON, compressed when the node asked for it; flushed each time.
type mapWriter struct {
	w        http.ResponseWriter
	compress bool
}

func (m mapWriter) send(body []byte) error {
	if m.compress {
		body = zstdframe.AppendEncode(nil, body, zstdframe.FastestCompression)
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	if _, err := m.w.Write(append(frame, body...)); err != nil {
		return err
	}
	return http.NewResponseController(m.w).Flush()
}
