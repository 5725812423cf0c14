package main

import (
	"fmt"
	"net"
	"sync"
	"syscall"
)

// Mode is how a server treats the network.
type Mode string

const (
	Open   Mode = "open"
	Silent Mode = "silent" // accepts, and answers nothing, on old connections too
	Refuse Mode = "refuse" // connection refused, and old connections are cut
)

// Gate is a listener on loopback that can fall silent or refuse, and come back
// on the same port.
type Gate struct {
	port     int
	accepted chan net.Conn
	closed   chan struct{}

	mu       sync.Mutex
	mode     Mode
	speaking chan struct{} // closed while traffic flows
	inner    net.Listener  // nil while refusing
	held     int           // the bound, not listening socket that keeps the port while refusing
	conns    map[net.Conn]bool
}

func newGate() (*Gate, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &Gate{
		port:     ln.Addr().(*net.TCPAddr).Port,
		accepted: make(chan net.Conn),
		closed:   make(chan struct{}),
		mode:     Open,
		speaking: make(chan struct{}),
		inner:    ln,
		held:     -1,
		conns:    map[net.Conn]bool{},
	}
	close(g.speaking)
	go g.pump(ln)
	return g, nil
}

func (g *Gate) address() string { return fmt.Sprintf("127.0.0.1:%d", g.port) }

// set changes the mode; setting the mode it has does nothing.
func (g *Gate) set(mode Mode) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mode == g.mode {
		return nil
	}
	if mode == Refuse {
		return g.refuseLocked()
	}
	if g.mode == Refuse {
		if err := g.reopenLocked(); err != nil {
			return err
		}
	}
	switch mode {
	case Open:
		g.speakLocked(true)
	case Silent:
		g.speakLocked(false)
	default:
		return fmt.Errorf("mode %q: want open, silent or refuse", mode)
	}
	g.mode = mode
	return nil
}

func (g *Gate) refuseLocked() error {
	g.inner.Close()
	g.inner = nil
	for c := range g.conns {
		c.Close()
	}
	fd, err := holdPort(g.port)
	if err != nil {
		return err
	}
	g.held = fd
	g.speakLocked(true) // nobody is left to keep waiting
	g.mode = Refuse
	return nil
}

func (g *Gate) reopenLocked() error {
	syscall.Close(g.held)
	g.held = -1
	ln, err := net.Listen("tcp4", g.address())
	if err != nil {
		return err
	}
	g.inner = ln
	go g.pump(ln)
	return nil
}

func (g *Gate) speakLocked(on bool) {
	select {
	case <-g.speaking:
		if !on {
			g.speaking = make(chan struct{})
		}
	default:
		if on {
			close(g.speaking)
		}
	}
}

func (g *Gate) flowing() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.speaking
}

func (g *Gate) pump(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		guarded := &gatedConn{Conn: c, gate: g, closed: make(chan struct{})}
		g.mu.Lock()
		g.conns[guarded] = true
		g.mu.Unlock()
		select {
		case g.accepted <- guarded:
		case <-g.closed:
			guarded.Close()
			return
		}
	}
}

// Accept, Close and Addr make a Gate a net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.accepted:
		return c, nil
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
		return nil
	default:
		close(g.closed)
	}
	if g.held >= 0 {
		syscall.Close(g.held)
	}
	if g.inner != nil {
		g.inner.Close()
	}
	return nil
}

func (g *Gate) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: g.port} }

// gatedConn keeps back what it read, and what it would write, while the gate is silent.
type gatedConn struct {
	net.Conn
	gate   *Gate
	once   sync.Once
	closed chan struct{}
}

func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.wait() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *gatedConn) Write(b []byte) (int, error) {
	if !c.wait() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *gatedConn) wait() bool {
	select {
	case <-c.gate.flowing():
		return true
	case <-c.closed:
		return false
	}
}

func (c *gatedConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		go c.forget() // set holds the lock while it closes connections
	})
	return c.Conn.Close()
}

func (c *gatedConn) forget() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	delete(c.gate.conns, c)
}
