package verify

import (
	"hash"
	"io"
)

// How much is read ahead of a layer: enough that neither side waits for the other.
const (
	aheadBlocks     = 4
	aheadBlockBytes = 256 << 10
)

// An ahead reads on in a goroutine of its own, so that decompression of the next block and
// hashing of this one take place at once. What is read through it is hashed.
type ahead struct {
	h    hash.Hash
	full chan []byte
	free chan []byte
	stop chan struct{}
	done chan struct{}
	err  error // set before full is closed
	last []byte
	rest []byte // of last
}

// readAhead starts to read r into blocks, which are the caller's again after close.
func readAhead(r io.Reader, h hash.Hash, blocks [][]byte) *ahead {
	a := &ahead{h: h, full: make(chan []byte, len(blocks)), free: make(chan []byte, len(blocks)), stop: make(chan struct{}), done: make(chan struct{})}
	for _, b := range blocks {
		a.free <- b
	}
	go a.run(r)
	return a
}

func (a *ahead) run(r io.Reader) {
	defer close(a.done)
	defer close(a.full)
	for {
		var b []byte
		select {
		case b = <-a.free:
		case <-a.stop:
			return
		}
		n, err := fill(r, b[:cap(b)])
		if n > 0 {
			a.full <- b[:n]
		}
		if err != nil {
			a.err = err
			return
		}
	}
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

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.last != nil {
			a.free <- a.last
			a.last = nil
		}
		b, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.h.Write(b) // never fails
		a.last, a.rest = b, b
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// close stops reading and waits until the reader is not used any more.
func (a *ahead) close() {
	close(a.stop)
	<-a.done
}
