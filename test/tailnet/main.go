package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"tailscale.com/envknob"
	"tailscale.com/net/netns"
)

// Ready is the one line on stdout that says everything answers.
type Ready struct {
	ControlURL string            `json:"controlUrl"`
	APIURL     string            `json:"apiUrl"`
	Suffix     string            `json:"suffix"`
	CAFile     string            `json:"caFile"`
	DNS        string            `json:"dns"`
	Public     map[string]string `json:"public"` // "443" → "127.0.0.1:P"
}

func main() {
	runDir := flag.String("run-dir", "", "folder of this tailnet; removed at the end")
	suffix := flag.String("suffix", "tail"+randomHex(3)+".ts.net", "MagicDNS suffix")
	flag.Parse()
	// A terminal's Ctrl-C is for whoever started us too, and nobody else sweeps.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	log.SetFlags(log.Lmicroseconds)
	if !filepath.IsAbs(*runDir) {
		log.Fatal("tailnet: -run-dir must be an absolute path")
	}
	envknob.SetNoLogsNoSupport()
	netns.SetEnabled(false)

	sweeper := &Sweeper{runDir: *runDir}
	ready, err := start(*runDir, *suffix, sweeper)
	if err != nil {
		sweeper.sweep()
		log.Fatalf("tailnet: %v", err)
	}
	out := json.NewEncoder(os.Stdout)
	out.Encode(ready)

	// Whoever started us holds the other end, also when it is killed.
	io.Copy(io.Discard, os.Stdin)
	swept := sweeper.sweep()
	os.RemoveAll(*runDir)
	out.Encode(map[string]any{"swept": swept})
}

// start brings everything up; what it starts lives as long as the process.
func start(runDir, suffix string, sweeper *Sweeper) (*Ready, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	caFile := filepath.Join(runDir, "ca.pem")
	if err := os.WriteFile(caFile, ca.pem, 0o644); err != nil {
		return nil, err
	}
	relay, err := startRelay(ca)
	if err != nil {
		return nil, err
	}
	gate, err := newGate()
	if err != nil {
		return nil, err
	}
	t := newTailnet(suffix)
	t.controlURL = "http://" + gate.address()
	t.derpMap = relay.derpMap()
	sweeper.ports = []int{gate.port, relay.gate.port}
	quiet := log.New(io.Discard, "", 0)
	go (&http.Server{Handler: newControl(t).handler(), ErrorLog: quiet}).Serve(gate)

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	internet, err := startInternet(ctx, t, filepath.Join(runDir, "ingress"))
	if err != nil {
		return nil, err
	}
	dns, err := startPublicDNS(t)
	if err != nil {
		return nil, err
	}
	knobs := &Knobs{tailnet: t, ca: ca, relay: relay, dns: dns, internet: internet, control: gate, sweeper: sweeper}
	api, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go (&http.Server{Handler: knobs.handler(), ErrorLog: quiet}).Serve(api)
	return &Ready{
		ControlURL: t.controlURL, APIURL: "http://" + api.Addr().String(), Suffix: suffix,
		CAFile: caFile, DNS: dns.udp.LocalAddr().String(), Public: internet.addresses(),
	}, nil
}
