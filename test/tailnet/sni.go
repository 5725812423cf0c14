package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

var errSeen = errors.New("client hello seen")

// serverName reads a TLS client hello and returns the name in it with the
// bytes that were read, for whoever speaks TLS next.
func serverName(c net.Conn) (name string, read []byte, err error) {
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	defer c.SetReadDeadline(time.Time{})
	var seen bytes.Buffer
	listening := helloConn{Conn: c, r: io.TeeReader(c, &seen)}
	err = tls.Server(listening, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errSeen
		},
	}).Handshake()
	if errors.Is(err, errSeen) {
		err = nil
	}
	return name, seen.Bytes(), err
}

// helloConn lets the TLS stack read and swallows what it would answer.
type helloConn struct {
	net.Conn
	r io.Reader
}

func (c helloConn) Read(b []byte) (int, error)  { return c.r.Read(b) }
func (c helloConn) Write(b []byte) (int, error) { return len(b), nil }
