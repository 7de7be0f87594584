package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A link is what lies between a client and a registry: a TCP proxy that knows
// nothing of HTTP, so that no tool can be treated otherwise than another.
type link struct {
	delay time.Duration // of a round trip
	rate  amount        // of one connection, a second, each way; 0: any
	cut   amount        // after which every connection breaks, on the way to the client; 0: never

	target   string
	listener net.Listener
	all      sync.WaitGroup
	passed   atomic.Int64 // bytes to the client
}

func (l *link) isPlain() bool { return l.delay == 0 && l.rate == 0 && l.cut == 0 }

// start listens, and returns where.
func (l *link) start(target string) (addr string, err error) {
	l.target = target
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	l.all.Go(func() {
		for {
			c, err := l.listener.Accept()
			if err != nil {
				return
			}
			l.all.Go(func() { l.serve(c.(*net.TCPConn)) })
		}
	})
	_, port, err := net.SplitHostPort(l.listener.Addr().String())
	return "localhost:" + port, err
}

func (l *link) serve(client *net.TCPConn) {
	defer client.Close()
	c, err := net.Dial("tcp", l.target)
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { l.pump(server, client, 0); _ = server.CloseWrite() })
	both.Go(func() {
		if l.pump(client, server, int64(l.cut)) {
			_ = client.SetLinger(0) // a reset, as from a broken link
			_ = client.Close()
			_ = server.Close()
			return
		}
		_ = client.CloseWrite()
	})
	both.Wait()
}

// packet is what arrives at once.
type packet struct {
	b   []byte
	due time.Time
}

// pump copies what src sends, late and no faster than the rate, and reports
// whether it cut the connection after that many bytes.
func (l *link) pump(dst io.Writer, src io.Reader, cut int64) (isCut bool) {
	const window = 64 // packets on the way: 2 MB, more than rate × delay
	way := make(chan packet, window)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(way)
		var free time.Time // when the line has room again
		for {
			b := make([]byte, 32<<10)
			n, err := src.Read(b)
			if n > 0 {
				now := time.Now()
				if free.Before(now) {
					free = now
				}
				if l.rate > 0 {
					free = free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
				}
				way <- packet{b[:n], free.Add(l.delay / 2)}
			}
			if err != nil {
				return
			}
		}
	})
	defer reading.Wait()
	var sent int64
	for p := range way {
		time.Sleep(time.Until(p.due))
		if isCut {
			continue
		}
		n, err := dst.Write(p.b)
		sent += int64(n)
		l.passed.Add(int64(n))
		if err != nil || cut > 0 && sent >= cut {
			isCut = true
			if c, ok := src.(io.Closer); ok {
				_ = c.Close() // ends the reading
			}
		}
	}
	return isCut
}

func (l *link) close() error {
	if l.listener == nil {
		return nil
	}
	err := l.listener.Close()
	l.all.Wait()
	return err
}
