package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

// waysTo returns makers of the recipes that are worth a try, after m: with an encoder
// that makes the target of its tar one; if nobody knows any, by tokens if it is
// gzip, and as it is stored.
func waysTo(ctx context.Context, m maker) ([]*maker, error) {
	kind, err := sniff(ctx, m.target)
	if err != nil {
		return nil, err
	}
	rec, err := encoder.Find(ctx, m.o.progress.counted(m.target.Open, findWork/2), m.target.Desc.Size, encoder.Options{})
	if errors.Is(err, encoder.ErrUnknown) || err == nil && rec.Wrap == encoder.Plain && kind != compress.None {
		return waysWithout(m, kind)
	}
	if err != nil {
		return nil, err
	}
	m.stats.Encoder, m.size = rec.Encoder, rec.Size
	m.encoder, err = rec.MarshalBinary()
	return []*maker{&m}, err
}

// waysWithout is waysTo without an encoder.
func waysWithout(m maker, kind compress.Kind) ([]*maker, error) {
	m.bases = slices.DeleteFunc(slices.Clone(m.bases), func(b Blob) bool { return b.Held != nil })
	if len(m.bases) == 0 {
		return nil, fmt.Errorf("%w: no known encoder makes these bytes", ErrNotExact)
	}
	packed := m
	packed.head.Packed = true
	if kind != compress.Gzip {
		return []*maker{&packed}, nil
	}
	m.byTokens = true
	return []*maker{&m, &packed}, nil
}

func isGzip(ctx context.Context, b Blob) (bool, error) {
	kind, err := sniff(ctx, b)
	return kind == compress.Gzip, err
}

func sniff(ctx context.Context, b Blob) (compress.Kind, error) {
	rc, err := b.Open(ctx, 0, -1)
	if err != nil {
		return "", err
	}
	head := make([]byte, compress.SniffBytes)
	n, err := io.ReadFull(rc, head)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return compress.Sniff(head[:n]), errors.Join(err, rc.Close())
}
