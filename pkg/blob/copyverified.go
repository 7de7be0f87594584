package blob

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	// hashedBuffers is how many buffers a copy has while their content is hashed: one is
	// filled, one hashed, and one lies between, so that neither waits for the other.
	hashedBuffers = 3
	// hashedBytes is the size of each. Waking the other side costs as much as hashing
	// some 50 KiB, so that it should not be done often.
	hashedBytes = 512 << 10
)

var hashedPool = sync.Pool{New: func() any { b := make([]byte, hashedBytes); return &b }}

// Copy copies src to dst as [Copy] does, and has v see what it copies; if there is more
// to come than a buffer, in a goroutine of its own, as hashing takes as long as reading
// and writing together. Reads are gathered to buffers of 512 KiB; what came before an
// error is written too. No byte is written beyond the size that v allows. Copy returns
// the number of bytes written, which are those that v has seen, unless dst failed.
func (v *Verifier) Copy(ctx context.Context, dst io.Writer, src io.Reader) (n int64, err error) {
	if v.want.Size-v.n <= hashedBytes {
		return Copy(ctx, io.MultiWriter(v, dst), src)
	}
	b := v.beside()
	defer b.end()
	for err == nil {
		buf := <-b.free
		got, rerr := fill(ctxReader{ctx, src}, buf)
		if err = v.count(got); err != nil {
			return n, err
		}
		b.full <- buf[:got]
		m, werr := dst.Write(buf[:got])
		n += int64(m)
		switch err = rerr; {
		case werr != nil:
			err = werr
		case m < got:
			err = io.ErrShortWrite
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// fill is io.ReadFull that returns the reader's own error.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

// hashing goes on beside a copy.
type hashing struct {
	buffers []*[]byte
	free    chan []byte // whole buffers; to be had again when they are hashed
	full    chan []byte // what is to be hashed
	running sync.WaitGroup
}

func (v *Verifier) beside() *hashing {
	b := &hashing{free: make(chan []byte, hashedBuffers), full: make(chan []byte, hashedBuffers)}
	for range hashedBuffers {
		buf := hashedPool.Get().(*[]byte)
		b.buffers = append(b.buffers, buf)
		b.free <- *buf
	}
	b.running.Go(func() {
		for p := range b.full {
			_, _ = v.hash.Write(p) // never fails: hash.Hash
			b.free <- p[:cap(p)]
		}
	})
	return b
}

// end returns when everything is hashed.
func (b *hashing) end() {
	close(b.full)
	b.running.Wait()
	for _, buf := range b.buffers {
		hashedPool.Put(buf)
	}
}
