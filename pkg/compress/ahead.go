package compress

import "io"

// How much is read ahead: enough that neither side waits for the other.
const (
	aheadBlocks     = 4
	aheadBlockBytes = 256 << 10
)

// An Ahead reads on in a goroutine of its own, so that decompressing the next block
// and using this one take place at once.
type Ahead struct {
	tee  io.Writer
	full chan []byte
	free chan []byte
	stop chan struct{}
	done chan struct{}
	err  error // set before full is closed
	last []byte
	rest []byte // of last
}

// Blocks returns the memory that reading ahead takes: 1 MiB.
func Blocks() [][]byte {
	blocks := make([][]byte, aheadBlocks)
	for i := range blocks {
		blocks[i] = make([]byte, aheadBlockBytes)
	}
	return blocks
}

// ReadAhead starts to read r into blocks, which are the caller's again after Close, as
// r is. What is read through it is written to tee, unless that is nil, in whole blocks
// and just before it is returned; an error of tee does not matter.
func ReadAhead(r io.Reader, blocks [][]byte, tee io.Writer) *Ahead {
	if tee == nil {
		tee = io.Discard
	}
	a := &Ahead{tee: tee, full: make(chan []byte, len(blocks)), free: make(chan []byte, len(blocks)), stop: make(chan struct{}), done: make(chan struct{})}
	for _, b := range blocks {
		a.free <- b
	}
	go a.run(r)
	return a
}

func (a *Ahead) run(r io.Reader) {
	defer close(a.done)
	defer close(a.full)
	for {
		var b []byte
		select {
		case b = <-a.free:
		case <-a.stop:
			return
		}
		n, err := a.fill(r, b[:cap(b)])
		if n > 0 {
			a.full <- b[:n]
		}
		if err != nil {
			a.err = err
			return
		}
	}
}

// fill is io.ReadFull that returns the reader's own error, and ends with the Ahead.
func (a *Ahead) fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		select {
		case <-a.stop:
			return n, io.ErrClosedPipe
		default:
		}
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

// Read implements io.Reader. Its errors are those of the reader beneath.
func (a *Ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.last != nil {
			a.free <- a.last
			a.last = nil
		}
		b, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		_, _ = a.tee.Write(b)
		a.last, a.rest = b, b
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close stops reading and waits until the reader beneath is not used any more, which
// it does not close. It must not be called while Read is.
func (a *Ahead) Close() {
	close(a.stop)
	<-a.done
}
