package delta

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
)

// maxKnown is how many units of bases are remembered; what comes later is not copied from.
const maxKnown = 1 << 20

// known is a unit of a base.
type known struct {
	name, loose uint64 // keys: of its name, and of that without digits
	hash        uint64 // of its content
	at          int64  // address
	size        int64  // of its content
	stored      int64  // where its head stands in the spool
	head        int32  // bytes
	zeros       bool   // its content is filled up with zeros
}

func (k *known) content() int64 { return k.at + int64(k.head) }

// A survey is what is known of the bases.
type survey struct {
	seed                 maphash.Seed
	units                []known
	heads                *spool // the heads of units, and later the old versions that are looked at
	names, loose, hashes order
	length               int64
	buf                  []byte
}

// An order finds units by a key.
type order struct {
	of  []int32
	key func(*known) uint64
}

func newSurvey(heads *spool) *survey {
	return &survey{seed: maphash.MakeSeed(), heads: heads, buf: make([]byte, 64<<10)}
}

// base reads a base, whose addresses begin where those of the last one end, and
// returns what is known of it then.
func (s *survey) base(ctx context.Context, b Blob, packed bool, o Options) (Base, error) {
	base := Base{Ref: Ref{Digest: b.Desc.Digest, Size: b.Desc.Size, DiffID: b.DiffID}, Packed: packed}
	r, err := b.open(ctx, packed, maxLength(b.held().Size), o.progress)
	if err != nil {
		return base, err
	}
	in := &measured{r: r}
	if !packed && b.DiffID == (v1.Hash{}) {
		in.hash = sha256.New()
	}
	w := bufio.NewWriterSize(s.heads, 256<<10)
	err = s.read(newCutter(in, packed), w)
	if err := errors.Join(err, w.Flush(), r.Close()); err != nil {
		return base, err
	}
	if in.hash != nil {
		base.DiffID = in.digest()
	}
	base.Length = in.n
	s.length += in.n
	return base, nil
}

// measured counts and hashes what is read.
type measured struct {
	r    io.Reader
	n    int64
	hash hash.Hash // may be nil
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.hash != nil {
		m.hash.Write(p[:n])
	}
	return n, err
}

// digest is that of what was read.
func (m *measured) digest() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", m.hash.Sum(nil))}
}

// unpackedDigest reads b and returns its diffID, whatever it is said to be.
func (b Blob) unpackedDigest(ctx context.Context, o Options) (v1.Hash, error) {
	r, err := b.open(ctx, false, maxLength(b.held().Size), o.progress)
	if err != nil {
		return v1.Hash{}, err
	}
	in := &measured{r: r, hash: sha256.New()}
	_, err = blob.Copy(ctx, io.Discard, in)
	return in.digest(), errors.Join(err, r.Close())
}

func newCutter(r io.Reader, packed bool) cutter {
	if packed {
		return newChunkCutter(r)
	}
	return newTarCutter(r)
}

func (s *survey) read(c cutter, w *bufio.Writer) error {
	at := s.length
	for {
		u, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		k := s.known(u)
		k.at, k.head, k.stored = at, int32(len(u.head)), s.heads.n+int64(w.Buffered())
		keep := len(s.units) < maxKnown
		if keep {
			if _, err := w.Write(u.head); err != nil {
				return err
			}
		}
		if k.hash, k.size, err = s.content(c); err != nil {
			return err
		}
		fill, err := c.fill()
		if err != nil {
			return err
		}
		k.zeros = allZeros(fill)
		at += int64(len(u.head)) + k.size + int64(len(fill))
		if keep {
			s.units = append(s.units, k)
		}
	}
}

// known returns the keys of u.
func (s *survey) known(u unit) known {
	if u.name == "" {
		return known{}
	}
	return known{name: maphash.String(s.seed, u.name), loose: maphash.String(s.seed, withoutDigits(u.name))}
}

// withoutDigits is equal for the files of two versions of a package whose version
// stands in their names.
func withoutDigits(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// content reads the content of a unit and returns its hash and its length.
func (s *survey) content(r io.Reader) (uint64, int64, error) {
	var h maphash.Hash
	h.SetSeed(s.seed)
	size := int64(0)
	for {
		n, err := r.Read(s.buf)
		size += int64(n)
		h.Write(s.buf[:n])
		if err == io.EOF {
			return h.Sum64(), size, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

func allZeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// sort makes the units be found.
func (s *survey) sort() {
	s.names = s.order(func(k *known) uint64 { return k.name })
	s.loose = s.order(func(k *known) uint64 { return k.loose })
	s.hashes = s.order(func(k *known) uint64 { return k.hash })
}

func (s *survey) order(key func(*known) uint64) order {
	o := order{make([]int32, len(s.units)), key}
	for i := range o.of {
		o.of[i] = int32(i)
	}
	slices.SortFunc(o.of, func(a, b int32) int {
		return cmp.Or(cmp.Compare(key(&s.units[a]), key(&s.units[b])), cmp.Compare(a, b))
	})
	return o
}

// find returns the units with a key, in their order.
func (s *survey) find(o order, key uint64) []int32 {
	from, ok := slices.BinarySearchFunc(o.of, key, func(i int32, key uint64) int { return cmp.Compare(o.key(&s.units[i]), key) })
	if !ok {
		return nil
	}
	to := from
	for to < len(o.of) && o.key(&s.units[o.of[to]]) == key {
		to++
	}
	return o.of[from:to]
}
