package parts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/reedsolomon"

	"github.com/dray-oci/dray/pkg/event"
)

// stripesBytes bounds the memory of coding, for all shards together; stripeBytes
// is what one shard has of it at most.
const (
	stripesBytes = 64 << 20
	stripeBytes  = 1 << 20
)

// A coder makes shards of a set from the others. The code is systematic
// Reed–Solomon over GF(2^8) with the polynomial 0x11d and the matrix of Backblaze's
// JavaReedSolomon. Shards are the parts, the last one with zeros up to the size of
// the others, and then the parity; byte n of each makes one code word.
type coder struct {
	cut  Cut
	in   []io.ReaderAt // what is there; nil: to be made
	out  []io.Writer   // where what is made goes
	data int

	events event.Handler
	text   string // what events call it
}

// run makes every shard that is not there. That data are is the caller's to know.
func (c *coder) run(ctx context.Context) error {
	enc, err := reedsolomon.New(c.data, len(c.in)-c.data)
	if err != nil {
		return err
	}
	stripe := min(stripeBytes, stripesBytes/int64(len(c.in)), c.cut.ParityLen())
	buf := make([]byte, stripe*int64(len(c.in)))
	shards := make([][]byte, len(c.in))
	for at := int64(0); at < c.cut.ParityLen(); at += stripe {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(stripe, c.cut.ParityLen()-at)
		for i, in := range c.in {
			shards[i] = buf[int64(i)*stripe:][:n:stripe]
			if in == nil {
				shards[i] = shards[i][:0]
			} else if err := c.read(shards[i], i, at); err != nil {
				return err
			}
		}
		if err := enc.Reconstruct(shards); err != nil {
			return err
		}
		if err := c.write(shards, at); err != nil {
			return err
		}
		c.events.Emit(event.Event{Kind: event.Work, Text: c.text, N: at + n, Total: c.cut.ParityLen()})
	}
	return nil
}

// here returns how many of n bytes from at on shard i has.
func (c *coder) here(i int, at, n int64) int64 {
	if i >= c.data {
		return n
	}
	return max(0, min(n, c.cut.Len(i)-at))
}

func (c *coder) read(p []byte, i int, at int64) error {
	n := c.here(i, at, int64(len(p)))
	clear(p[n:])
	got, err := c.in[i].ReadAt(p[:n], at)
	if int64(got) == n {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("shard %d: %w", i+1, err)
}

func (c *coder) write(shards [][]byte, at int64) error {
	for i, w := range c.out {
		if w == nil {
			continue
		}
		if _, err := w.Write(shards[i][:c.here(i, at, int64(len(shards[i])))]); err != nil {
			return err
		}
	}
	return nil
}

// WriteParity writes the parity of f to the files out, from their position on, and syncs
// them. It returns what a document says of them. It reads f once, in stripes across
// its parts, and holds 64 MiB at most. All parts are here. It emits Work.
func (f *Files) WriteParity(ctx context.Context, name string, out []*os.File, events event.Handler) ([]Part, error) {
	c := &coder{cut: f.Cut, data: len(f.files), events: events, text: "making parity", in: make([]io.ReaderAt, len(f.files)+len(out)), out: make([]io.Writer, len(f.files)+len(out))}
	for i, file := range f.files {
		c.in[i] = file
	}
	sums := make([]hash.Hash, len(out))
	for i, file := range out {
		sums[i] = sha256.New()
		c.out[c.data+i] = io.MultiWriter(sums[i], file)
	}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	parity := make([]Part, len(out))
	for i, file := range out {
		if err := errors.Join(file.Truncate(f.ParityLen()), file.Sync()); err != nil {
			return nil, err
		}
		parity[i] = Part{Name: ParityName(filepath.Base(name), i), Size: f.ParityLen(), SHA256: hexSum(sums[i])}
	}
	return parity, nil
}
