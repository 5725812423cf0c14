package main

import (
	"net/http"

	"tailscale.com/tailcfg"
)

// featureQuery answers "tailscale serve" and "tailscale funnel" when the node
// lacks what they need. Production lets an admin's node wait for the click.
func (c *Control) featureQuery(w http.ResponseWriter, r *http.Request) {
	var req tailcfg.QueryFeatureRequest
	machine, err := c.decode(r, &req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t := c.tailnet
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.ownedLocked(req.NodeKey, machine)
	if n == nil {
		http.Error(w, "node not found", http.StatusNotFound)
		return
	}
	allowed := t.capabilitiesLocked(n)
	complete := allowed.HTTPS
	if req.Feature == "funnel" {
		complete = allowed.HTTPS && allowed.Funnel
	}
	if complete {
		writeJSON(w, tailcfg.QueryFeatureResponse{Complete: true})
		return
	}
	writeJSON(w, tailcfg.QueryFeatureResponse{
		Text:       "\n" + capitalised(req.Feature) + " is not enabled on your tailnet.\nTo enable, visit:\n",
		URL:        t.controlURL + "/f/" + req.Feature,
		ShouldWait: t.queryWait,
	})
}
