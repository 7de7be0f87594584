package daemon

import (
	"context"
	"net"
	"sync"
)

// conns knows the open connections, so that none outlives the engine: behind
// one may stand an ssh.
type conns struct {
	open func(ctx context.Context) (net.Conn, error)

	mu     sync.Mutex
	all    map[*conn]bool
	closed bool
}

func newConns(open func(context.Context) (net.Conn, error)) *conns {
	return &conns{open: open, all: map[*conn]bool{}}
}

// dial is what an http.Transport wants; where to is settled.
func (c *conns) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	inner, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	n := &conn{Conn: inner, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		inner.Close() // nothing was written
		return nil, net.ErrClosed
	}
	c.all[n] = true
	return n, nil
}

func (c *conns) closeAll() {
	c.mu.Lock()
	c.closed = true
	all := c.all
	c.all = map[*conn]bool{}
	c.mu.Unlock()
	for n := range all {
		n.Conn.Close() // what mattered was answered
	}
}

type conn struct {
	net.Conn
	of *conns
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
