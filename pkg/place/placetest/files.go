package placetest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// files opens all content by its digest alone.
func files(t *testing.T, d Doors) {
	if d.Source == nil {
		t.Skip("cannot be read")
	}
	c := Image(t, ImageSpec{Layers: []int{10_000, 0}})
	s := d.Sink(t)
	put(t, s, c, d.Name)
	rewrites := s.Traits().Rewrites
	closed(t, s)
	src := d.Source(t)
	defer closed(t, src)
	f, ok := place.As[place.Filer](src)
	if !ok {
		t.Skip("does not open files")
	}
	if rewrites {
		root, err := src.Resolve(t.Context(), d.Name)
		if err != nil {
			t.Fatal(err)
		}
		c.Order, c.Bytes[root.Digest] = append(c.Order[:0], root), read(t, src, root)
	}
	for _, want := range c.Order {
		readFile(t, f, want.Digest, c.Bytes[want.Digest])
	}
	gone := Image(t, ImageSpec{Seed: 99}).Root
	if _, err := f.OpenFile(t.Context(), gone.Digest); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("OpenFile = %v, want ErrNotFound", err)
	}
}

// readFile reads a file twice, from its end as well.
func readFile(t *testing.T, f place.Filer, h v1.Hash, want []byte) {
	t.Helper()
	file, err := f.OpenFile(t.Context(), h)
	if err != nil {
		t.Errorf("OpenFile: %v", err)
		return
	}
	defer closed(t, file)
	got, err := io.ReadAll(file)
	if err != nil || file.Size() != int64(len(want)) || !bytes.Equal(got, want) {
		t.Errorf("%s: %d of %d bytes, %v, want %d", h, len(got), file.Size(), err, len(want))
	}
	if _, err := file.Seek(-10, io.SeekEnd); err != nil {
		t.Error(err)
	}
	if got, err = io.ReadAll(file); err != nil || !bytes.Equal(got, want[len(want)-10:]) {
		t.Errorf("%s: its end is %d bytes, %v", h, len(got), err)
	}
}

// stamp changes a name under an open source, whose stamp has to tell.
func stamp(t *testing.T, d Doors) {
	if d.Source == nil {
		t.Skip("cannot be read")
	}
	write := func(seed uint64) {
		s := d.Sink(t)
		put(t, s, Image(t, ImageSpec{Seed: seed}), d.Name)
		closed(t, s)
	}
	write(1)
	src := d.Source(t)
	defer closed(t, src)
	st, ok := place.As[place.Stamper](src)
	if !ok {
		t.Skip("has no stamps")
	}
	look := func() (string, v1.Hash) {
		stamp, err := st.Stamp(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		root, err := src.Resolve(t.Context(), d.Name)
		if err != nil {
			t.Fatal(err)
		}
		return stamp, root.Digest
	}
	was, root := look()
	write(2)
	if is, now := look(); is == was && now != root {
		t.Errorf("the stamp is %q, though %s is %s now and not %s", is, d.Name, now, root)
	}
}
