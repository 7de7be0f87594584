package far

import (
	"errors"
	"io"
	"net"
	"time"
)

// Stdio makes one connection of what is read from in and written to out. Closing it
// closes both.
func Stdio(in io.ReadCloser, out io.WriteCloser) net.Conn { return &stdio{in, out} }

type stdio struct {
	io.ReadCloser
	out io.WriteCloser
}

func (c *stdio) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *stdio) Close() error                { return errors.Join(c.out.Close(), c.ReadCloser.Close()) }

// Deadlines are not kept: nobody here sets any.

func (c *stdio) LocalAddr() net.Addr              { return stream{} }
func (c *stdio) RemoteAddr() net.Addr             { return stream{} }
func (c *stdio) SetDeadline(time.Time) error      { return nil }
func (c *stdio) SetReadDeadline(time.Time) error  { return nil }
func (c *stdio) SetWriteDeadline(time.Time) error { return nil }

// A stream has no address.
type stream struct{}

func (stream) Network() string { return "stream" }
func (stream) String() string  { return "stream" }
