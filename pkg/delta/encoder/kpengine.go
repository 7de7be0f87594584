package encoder

import (
	"fmt"
	"io"
	"sync"

	"github.com/dray-oci/dray/pkg/delta/encoder/internal/kpflate"
)

// kpFamilies are the families of klauspost/compress, and Go's that came from it.
var kpFamilies = [...]struct {
	name   string
	family kpflate.Family
}{
	{"kp1.15", kpflate.V15},
	{"kp1.18.0", kpflate.V180},
	{"kp1.18.5", kpflate.V18},
	{"kp1.20", kpflate.V20},
	{"go1.27", kpflate.Go27},
}

func kpFamily(name string) (kpflate.Family, bool) {
	for _, f := range kpFamilies {
		if f.name == name {
			return f.family, true
		}
	}
	return 0, false
}

// A kpEngine makes one stream.
type kpEngine struct {
	family kpflate.Family
	level  int
}

func (e kpEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	return kpflate.NewWriter(w, e.family, e.level)
}

// A pgzipEngine makes blocks as klauspost/pgzip does: each ends with a flush and
// sees the last 16 KiB of the block before, however many cores there are. Even
// an empty block follows the last full one.
type pgzipEngine struct {
	kpEngine
	block int
}

var (
	_ splitter = pgzipEngine{}

	pgzipBlocks = [...]struct {
		name  string
		bytes int
	}{{"1MiB", 1 << 20}, {"256KiB", 256 << 10}}
)

// pgzipTail is how much of the block before a block sees.
const pgzipTail = 16 << 10

func pgzipBlock(name string) (int, error) {
	for _, b := range pgzipBlocks {
		if b.name == name {
			return b.bytes, nil
		}
	}
	return 0, fmt.Errorf("blocks of %q", name)
}

func (e pgzipEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := kpflate.NewWriter(w, e.family, e.level)
	if err != nil {
		return nil, err
	}
	z.ResetDict(w, nil)
	return &pgzipWriter{z: z, out: w, left: e.block, block: e.block}, nil
}

type pgzipWriter struct {
	z           *kpflate.Writer
	out         io.Writer
	left, block int
	tail        []byte
}

func (z *pgzipWriter) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		n := min(len(p), z.left)
		if _, err := z.z.Write(p[:n]); err != nil {
			return all - len(p), err
		}
		z.tail = append(z.tail, p[max(0, n-pgzipTail):n]...)
		z.tail = append(z.tail[:0], z.tail[max(0, len(z.tail)-pgzipTail):]...)
		p, z.left = p[n:], z.left-n
		if z.left > 0 {
			continue
		}
		if err := z.z.Flush(); err != nil {
			return all - len(p), err
		}
		z.z.ResetDict(z.out, z.tail)
		z.left = z.block
	}
	return all, nil
}

func (z *pgzipWriter) Close() error {
	if err := z.z.Flush(); err != nil {
		return err
	}
	return z.z.Close()
}

func (e pgzipEngine) pieces(r Recipe, tar io.ReaderAt) *pieces {
	block, last := int64(e.block), int(r.Size/int64(e.block))
	var free sync.Pool // of writers
	return &pieces{
		tar:   tar,
		count: last + 1,
		bounds: func(i int) (from, to int64, phase int) {
			return int64(i) * block, min(int64(i+1)*block, r.Size), 0
		},
		make: func(w io.Writer, tar io.ReaderAt, i int) error {
			z, ok := free.Get().(*kpflate.Writer)
			if !ok {
				var err error
				if z, err = kpflate.NewWriter(w, e.family, e.level); err != nil {
					return err
				}
			}
			from := int64(i) * block
			err := e.one(z, w, tar, from, min(from+block, r.Size))
			if err == nil && i == last {
				return z.Close()
			}
			free.Put(z)
			return err
		},
	}
}

// one makes the block between two offsets of a tar.
func (e pgzipEngine) one(z *kpflate.Writer, w io.Writer, tar io.ReaderAt, from, to int64) error {
	var tail []byte
	if from > 0 {
		tail = make([]byte, pgzipTail)
		if _, err := tar.ReadAt(tail, from-pgzipTail); err != nil {
			return fmt.Errorf("reading the tar: %w", noEOF(err))
		}
	}
	z.ResetDict(w, tail)
	if _, err := io.Copy(z, io.NewSectionReader(tar, from, to-from)); err != nil {
		return err
	}
	return z.Flush()
}
