package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// holed is a source without the blob gone.
type holed struct {
	*mem.Place
	gone v1.Hash
}

func (l *holed) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return l.OpenRange(ctx, d, 0, -1)
}

func (l *holed) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if d.Digest == l.gone {
		return nil, fmt.Errorf("%s: %w", d.Digest, place.ErrNotFound)
	}
	return l.Place.OpenRange(ctx, d, offset, length)
}

func (l *holed) Lacks(_ context.Context, blobs []v1.Descriptor) (gone []v1.Descriptor, _ error) {
	for _, d := range blobs {
		if d.Digest == l.gone {
			gone = append(gone, d)
		}
	}
	return gone, nil
}

// forgetful takes blobs over from other places, and does not say that it has them: as
// a registry is not asked about small blobs in a new repository.
type forgetful struct {
	*mem.Place
	puts int
}

func (f *forgetful) Has(context.Context, v1.Descriptor) (bool, error) { return false, nil }

func (f *forgetful) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	f.puts++
	return f.Place.Put(ctx, d, open)
}

func (f *forgetful) Mountable(_ context.Context, _ v1.Descriptor, from place.Source) bool {
	_, ok := from.(*mem.Place)
	return ok
}

func (f *forgetful) Mount(ctx context.Context, d v1.Descriptor, from place.Source) (bool, error) {
	return true, f.Place.Put(ctx, d, place.Opener(from, d))
}

// What no source has is taken over from another destination, and asked for no more.
func TestLackingMounted(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Seed: 7, Layers: []int{100, 200}})
	layer := c.Order[0]
	src := &holed{new(mem.Place), layer.Digest}
	for _, d := range c.Order {
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	first, second := new(mem.Place), &forgetful{Place: new(mem.Place)}
	reqs := []transfer.Request{
		{Source: src, Root: c.Root, To: first, Names: []string{"a"}},
		{Source: src, Root: c.Root, To: second, Names: []string{"b"}},
	}
	var lack *place.LackError
	if _, err := transfer.Copy(t.Context(), nil, reqs, transfer.Options{}); !errors.As(err, &lack) || len(lack.Lacks) != 2 || second.puts > 0 {
		t.Fatalf("%v after %d puts", err, second.puts)
	}
	if err := first.Put(t.Context(), layer, blob.Bytes(c.Bytes[layer.Digest])); err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Copy(t.Context(), nil, reqs, transfer.Options{}); err != nil {
		t.Fatal(err)
	}
	if root, err := second.Resolve(t.Context(), "b"); err != nil || root.Digest != c.Root.Digest {
		t.Errorf("%s, %v", root.Digest, err)
	}
}
