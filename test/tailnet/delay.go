package main

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// lateListener hands out connections on which every piece that is written goes
// out no earlier than latency, in nanoseconds, after it was.
type lateListener struct {
	net.Listener
	latency *atomic.Int64
}

func (l lateListener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &lateConn{Conn: inner, latency: l.latency, wire: make(chan latePiece, 1024), closed: make(chan struct{})}
	go c.carry()
	return c, nil
}

type lateConn struct {
	net.Conn
	latency *atomic.Int64
	wire    chan latePiece
	once    sync.Once
	closed  chan struct{}
}

type latePiece struct {
	data []byte
	due  time.Time
}

func (c *lateConn) Write(b []byte) (int, error) {
	select {
	case c.wire <- latePiece{bytes.Clone(b), time.Now().Add(time.Duration(c.latency.Load()))}:
		return len(b), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

// Close lets what is under way arrive first.
func (c *lateConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *lateConn) carry() {
	defer c.Conn.Close()
	for {
		select {
		case p := <-c.wire:
			if !c.deliver(p) {
				c.Close()
				return
			}
		case <-c.closed:
			for {
				select {
				case p := <-c.wire:
					if !c.deliver(p) {
						return
					}
				default:
					return
				}
			}
		}
	}
}

func (c *lateConn) deliver(p latePiece) bool {
	time.Sleep(time.Until(p.due))
	_, err := c.Conn.Write(p.data)
	return err == nil
}

// delayedCopy copies until src ends, each piece no earlier than latency after
// it was read; pieces under way overlap, as on a long wire.
func delayedCopy(dst io.Writer, src io.Reader, latency time.Duration) error {
	if latency == 0 {
		_, err := io.Copy(dst, src)
		return err
	}
	type piece struct {
		data []byte
		due  time.Time
	}
	// 1,024 pieces of at most 16 KiB: the wire holds 16 MiB at most.
	wire := make(chan piece, 1024)
	stopped := make(chan struct{})
	var failed error // written before wire closes
	go func() {
		defer close(wire)
		for {
			buf := make([]byte, 16<<10)
			n, err := src.Read(buf)
			if n > 0 {
				select {
				case wire <- piece{buf[:n], time.Now().Add(latency)}:
				case <-stopped:
					return
				}
			}
			if err != nil {
				if err != io.EOF {
					failed = err
				}
				return
			}
		}
	}()
	defer close(stopped)
	for p := range wire {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.data); err != nil {
			return err
		}
	}
	return failed
}
