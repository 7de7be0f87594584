package layers

import (
	"archive/tar"
	"bytes"
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/layers/toc"
	"github.com/dray-oci/dray/pkg/place"
)

// contents says where the files of a layer are to be had that was not read.
type contents struct {
	at map[int]toc.Content // by [merge.File.Index]
}

// listed makes the table of d from its table of contents, if d is far away and has one
// that can be used; else both are nil, and d has to be read.
func (r *reader) listed(ctx context.Context, d v1.Descriptor, o merge.Options) (*merge.Table, *contents) {
	if _, ok := place.As[place.Ranger](r.src); !ok || !r.o.Spool || r.whole || !toc.Has(d) {
		return nil, nil
	}
	raw, err := toc.Read(ctx, place.Opener(r.src, d), d)
	if err != nil {
		return nil, nil
	}
	c := &contents{at: map[int]toc.Content{}}
	i := 0
	table, err := merge.Headers(func(add func(*tar.Header) error) error {
		return toc.Entries(bytes.NewReader(raw), func(e toc.Entry) error {
			h := e.Header()
			if h == nil {
				return nil
			}
			at, ok := e.Content()
			if !ok && e.Type == "reg" {
				return toc.ErrNone
			}
			c.at[i] = at
			i++
			return add(h)
		})
	}, o)
	if err != nil {
		return nil, nil
	}
	return table, c
}
