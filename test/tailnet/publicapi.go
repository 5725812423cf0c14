package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// OAuthClient may mint keys through the public API: by its secret, or, as a
// federated identity, by a token of somebody else's.
type OAuthClient struct {
	id      string
	secret  string // "tskey-client-…", empty for a federated identity
	idToken string // the one token a federated identity accepts
	tags    []string
}

// publicAPI serves the few calls of /api/v2 that "tailscale up" makes.
func (t *Tailnet) publicAPI(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v2/oauth/token", t.tokenBySecret)
	mux.HandleFunc("POST /api/v2/oauth/token-exchange", t.tokenByIdentity)
	mux.HandleFunc("POST /api/v2/tailnet/{tailnet}/keys", t.mintKey)
}

func (t *Tailnet) createClientLocked(tags []string, idToken string) *OAuthClient {
	c := &OAuthClient{id: "k" + randomHex(6) + "CNTRL", idToken: idToken, tags: tags}
	if idToken == "" {
		c.secret = "tskey-client-" + c.id + "-" + randomHex(16)
	}
	t.clients[c.id] = c
	return c
}

func (t *Tailnet) tokenBySecret(w http.ResponseWriter, r *http.Request) {
	secret := r.FormValue("client_secret")
	if _, password, ok := r.BasicAuth(); ok {
		secret = password
	}
	t.grantToken(w, func(c *OAuthClient) bool { return c.secret != "" && c.secret == secret })
}

func (t *Tailnet) tokenByIdentity(w http.ResponseWriter, r *http.Request) {
	id, jwt := r.FormValue("client_id"), r.FormValue("jwt")
	t.grantToken(w, func(c *OAuthClient) bool { return c.id == id && c.idToken != "" && c.idToken == jwt })
}

func (t *Tailnet) grantToken(w http.ResponseWriter, matches func(*OAuthClient) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.clients {
		if matches(c) {
			token := "tskey-api-" + randomHex(16)
			t.tokens[token] = c
			writeJSON(w, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
			return
		}
	}
	apiError(w, http.StatusUnauthorized, "API token invalid")
}

func (t *Tailnet) mintKey(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Capabilities struct {
			Devices struct {
				Create struct {
					Reusable      bool     `json:"reusable"`
					Ephemeral     bool     `json:"ephemeral"`
					Preauthorized bool     `json:"preauthorized"`
					Tags          []string `json:"tags"`
				} `json:"create"`
			} `json:"devices"`
		} `json:"capabilities"`
		ExpirySeconds int64 `json:"expirySeconds"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestLimit)).Decode(&body); err != nil {
		apiError(w, http.StatusBadRequest, err.Error())
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	client := t.tokens[bearer(r)]
	if client == nil {
		apiError(w, http.StatusUnauthorized, "API token invalid")
		return
	}
	create := body.Capabilities.Devices.Create
	foreign := func(tag string) bool { return !slices.Contains(client.tags, tag) }
	if len(create.Tags) == 0 || slices.ContainsFunc(create.Tags, foreign) {
		apiError(w, http.StatusBadRequest, "requested tags ["+strings.Join(create.Tags, " ")+"] are invalid or not permitted")
		return
	}
	preauthorized := create.Preauthorized || !t.approval
	key := t.createKeyLocked(KeyRequest{
		Tags: create.Tags, Reusable: create.Reusable, Ephemeral: create.Ephemeral,
		Preauthorized: &preauthorized, ExpiresInMs: body.ExpirySeconds * 1000,
	})
	writeJSON(w, map[string]any{"id": key.id, "key": key.secret, "created": t.now().UTC(), "expires": key.expires.UTC()})
}

// bearer takes the token as OAuth sends it, or as the password-less user of an API key.
func bearer(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func apiError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}
