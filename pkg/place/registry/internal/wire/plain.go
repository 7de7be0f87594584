package wire

import (
	"context"
	"io"
	"net"

	"github.com/dray-oci/dray/pkg/blob"
)

// sendBytes is how much of a file the system sends at once: in between it is
// counted, and seen that something moves.
const sendBytes = 1 << 20

// A plainConn is a connection without TLS. What is sent from a file goes from
// there into the connection without passing through here, and the rest in longer
// strides than the transport would take.
type plainConn struct{ *net.TCPConn }

// ReadFrom is how the transport sends a body.
func (c plainConn) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	out, ok := limited.R.(*outReader)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	sent, err := out.send(c.TCPConn, limited.N)
	limited.N -= sent
	if err != nil {
		return sent, err
	}
	n, err := blob.Copy(out.o.w.ctx, c.TCPConn, limited)
	return sent + n, err
}

// send sends up to most bytes if they lie in a file; what it leaves is to be read.
func (r *outReader) send(c *net.TCPConn, most int64) (sent int64, err error) {
	r.o.w.disarm() // it is the source's turn
	rc, err := r.source()
	if err != nil {
		return 0, nil // reading will say so
	}
	for sent < most {
		f, left := blob.FileOf(rc)
		if f == nil || left <= 0 {
			break
		}
		r.o.w.arm(r.o.h.o.StallTimeout, errStalled)
		n, err := c.ReadFrom(&io.LimitedReader{R: f, N: min(left, most-sent, sendBytes)})
		blob.Moved(rc, n)
		sent += n
		if err != nil || n == 0 {
			return sent, err
		}
		if err := context.Cause(r.o.w.ctx); err != nil {
			return sent, err
		}
	}
	return sent, nil
}
