package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority is the test CA. Its root lives as long as the tailnet.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

// Leaf says which certificate to issue; a zero time means the usual one.
type Leaf struct {
	Name      string    `json:"name"`
	Dir       string    `json:"dir"` // a node's state directory to put it into
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// Issued is a certificate with its chain and key.
type Issued struct {
	chain, key []byte // PEM
	tls        tls.Certificate
}

func newAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "tsmcp test tailnet"},
		NotBefore:             now.AddDate(-1, 0, 0),
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{key: key, cert: cert, pem: block("CERTIFICATE", der)}, nil
}

func (a *Authority) issue(leaf Leaf) (*Issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if leaf.NotBefore.IsZero() {
		leaf.NotBefore = now.Add(-time.Hour)
	}
	if leaf.NotAfter.IsZero() {
		leaf.NotAfter = now.AddDate(0, 0, 89)
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: leaf.Name},
		NotBefore:    leaf.NotBefore,
		NotAfter:     leaf.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(leaf.Name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{leaf.Name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	issued := &Issued{chain: append(block("CERTIFICATE", der), a.pem...), key: block("EC PRIVATE KEY", keyDER)}
	issued.tls, err = tls.X509KeyPair(issued.chain, issued.key)
	return issued, err
}

// seed puts a certificate where tailscaled looks for one it already has
// (<statedir>/certs, ipn/ipnlocal certFileStore), so that it asks no ACME server.
func (a *Authority) seed(leaf Leaf) error {
	issued, err := a.issue(leaf)
	if err != nil {
		return err
	}
	dir := filepath.Join(leaf.Dir, "certs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, leaf.Name+".key"), issued.key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, leaf.Name+".crt"), issued.chain, 0o644)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	return n
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
