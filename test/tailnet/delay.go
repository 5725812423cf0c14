package main

import (
	"io"
	"time"
)

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
