package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"

	"golang.org/x/net/http2"
	"tailscale.com/control/controlhttp/controlhttpserver"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// requestLimit bounds one message of a node; a hostinfo is a few kilobytes.
const requestLimit = 1 << 20

// Control is the coordination server's wire: plain HTTP for the key and the
// public API, HTTP/2 inside a Noise connection for everything of a node.
type Control struct {
	tailnet *Tailnet
	noise   key.MachinePrivate
	legacy  key.MachinePrivate
	nodes   http.Handler
}

func newControl(t *Tailnet) *Control {
	c := &Control{tailnet: t, noise: key.NewMachine(), legacy: key.NewMachine()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /machine/register", c.register)
	mux.HandleFunc("POST /machine/map", c.serveMap)
	mux.HandleFunc("POST /machine/feature/query", c.featureQuery)
	mux.HandleFunc("/machine/tka/bootstrap", c.tkaBootstrap)
	mux.HandleFunc("/machine/tka/sync/offer", c.tkaOffer)
	mux.HandleFunc("POST /machine/update-health", accept)
	mux.HandleFunc("POST /machine/audit-log", accept)
	mux.HandleFunc("PATCH /machine/set-device-attr", accept)
	mux.HandleFunc("POST /machine/set-dns", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, tailcfg.SetDNSResponse{})
	})
	mux.HandleFunc("/", unknown)
	c.nodes = mux
	return c
}

// handler serves everything that stands outside Noise.
func (c *Control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /key", c.publicKey)
	mux.HandleFunc("/ts2021", c.upgrade)
	mux.HandleFunc("GET /generate_204", accept)
	mux.HandleFunc("GET /a/{id}", loginPage)
	c.tailnet.publicAPI(mux)
	mux.HandleFunc("/", unknown)
	return mux
}

func (c *Control) publicKey(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, tailcfg.OverTLSPublicKeyResponse{LegacyPublicKey: c.legacy.Public(), PublicKey: c.noise.Public()})
}

type machineKey struct{}

func (c *Control) upgrade(w http.ResponseWriter, r *http.Request) {
	conn, err := controlhttpserver.AcceptHTTP(r.Context(), w, r, c.noise, nil)
	if err != nil {
		return // the node went away in mid-handshake; AcceptHTTP has answered
	}
	defer conn.Close()
	(&http2.Server{}).ServeConn(conn, &http2.ServeConnOpts{
		Context:    context.WithValue(r.Context(), machineKey{}, conn.Peer()),
		BaseConfig: &http.Server{Handler: c.nodes, ErrorLog: log.New(io.Discard, "", 0)},
	})
}

func (c *Control) register(w http.ResponseWriter, r *http.Request) {
	var req tailcfg.RegisterRequest
	machine, err := c.decode(r, &req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, c.tailnet.register(r.Context(), &req, machine))
}

// decode reads a node's message and tells which machine holds the connection.
func (c *Control) decode(r *http.Request, into any) (key.MachinePublic, error) {
	machine, ok := r.Context().Value(machineKey{}).(key.MachinePublic)
	if !ok {
		return machine, errors.New("no machine key on this connection")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, requestLimit))
	if err != nil {
		return machine, err
	}
	return machine, json.Unmarshal(body, into)
}

func loginPage(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "This test tailnet logs nobody in by browser: POST {\"url\": this URL, \"user\": …} to /logins/complete of its API.\n")
}

func accept(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, io.LimitReader(r.Body, requestLimit))
	w.WriteHeader(http.StatusNoContent)
}

func unknown(w http.ResponseWriter, r *http.Request) {
	log.Printf("control: nothing at %s %s", r.Method, r.URL.Path)
	http.Error(w, "not part of this test tailnet", http.StatusNotFound)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
