package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Held is a name in a store with what the store holds of it. Its JSON form is
// part of dray's contract.
type Held struct {
	Name      string          `json:"name"` // in full; empty if it stands under its digest alone
	Digest    v1.Hash         `json:"digest"`
	MediaType types.MediaType `json:"mediaType"`
	Platforms []string        `json:"platforms"`        // that are there, in the order of the index
	Size      int64           `json:"size"`             // bytes of what is there, each digest once
	Created   time.Time       `json:"created,omitzero"` // of the newest platform
	Damage    string          `json:"damage,omitempty"` // what is wrong, if something is: the first thing found
}

// A Store is what [List] needs of one. Has must not read content.
type Store interface {
	place.Source
	place.Lister
	Has(ctx context.Context, d v1.Descriptor) (bool, error)
}

// List returns what s holds under the names that keep wants, in the order of s.
// It reads manifests and configs; that layers are there is looked at, what is in
// them is not. What is damaged is said in the list and is no error.
func List(ctx context.Context, s Store, keep func(place.Entry) bool) ([]Held, error) {
	var all []Held
	known := map[v1.Hash]Held{}
	err := s.List(ctx, func(e place.Entry) error {
		if !keep(e) {
			return nil
		}
		h, ok := known[e.Root.Digest]
		if !ok {
			var err error
			if h, err = hold(ctx, s, e.Root); err != nil {
				return err
			}
			known[e.Root.Digest] = h
		}
		h.Name = e.Name
		if strings.HasPrefix(h.Name, "@") {
			h.Name = ""
		}
		all = append(all, h)
		return nil
	})
	return all, err
}

func hold(ctx context.Context, s Store, root v1.Descriptor) (Held, error) {
	w := &walk{src: s, seen: sum{}, held: Held{Digest: root.Digest, MediaType: root.MediaType, Platforms: []string{}}}
	if err := w.visit(ctx, root, 0); err != nil {
		return Held{}, err
	}
	w.held.Size = w.seen.total()
	return w.held, nil
}

// A walk goes through all that is there below one root.
type walk struct {
	src  Store
	seen sum
	held Held
}

func (w *walk) damaged(why string) {
	if w.held.Damage == "" {
		w.held.Damage = why
	}
}

// visit takes in d and what it names. An index may be kept without some of the
// platforms that it names, so that those may be missing: see [walk.index].
func (w *walk) visit(ctx context.Context, d v1.Descriptor, depth int) error {
	if _, ok := w.seen[d.Digest]; ok {
		return nil
	}
	has, err := w.src.Has(ctx, d)
	if err != nil {
		return err
	}
	if !has {
		if !manifest.IsForeign(d) {
			w.damaged(fmt.Sprintf("%s is not there, or has another size", d.Digest))
		}
		return nil
	}
	w.seen.add(d)
	if !manifest.Is(d.MediaType) {
		return nil
	}
	doc, err := place.ReadManifest(ctx, w.src, d)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		w.damaged(err.Error())
		return nil
	case doc.Index != nil:
		return w.index(ctx, doc, depth)
	}
	for _, child := range doc.Children() {
		if err := w.visit(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return w.config(ctx, d, doc)
}

func (w *walk) index(ctx context.Context, doc *manifest.Doc, depth int) error {
	if depth > manifest.MaxNesting {
		w.damaged(fmt.Sprintf("indexes are nested deeper than %d", manifest.MaxNesting))
		return nil
	}
	for _, child := range doc.Index.Manifests {
		has, err := w.src.Has(ctx, child)
		if err != nil {
			return err
		}
		if !has {
			continue
		}
		if err := w.visit(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// config takes platform and time from the config of the image d, the platform
// rather from the index that lists it.
func (w *walk) config(ctx context.Context, d v1.Descriptor, doc *manifest.Doc) error {
	if _, there := w.seen[doc.Image.Config.Digest]; !there || !doc.IsRunnable() {
		return nil
	}
	c, _, err := place.ReadConfig(ctx, w.src, doc.Image.Config)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		w.damaged(err.Error())
		return nil
	}
	p := arch.FromV1(d.Platform)
	if p.OS == "" {
		p = arch.FromV1(c.Platform())
	}
	if p.IsAttestation() || p.OS == "" {
		return nil
	}
	if s := p.String(); !slices.Contains(w.held.Platforms, s) {
		w.held.Platforms = append(w.held.Platforms, s)
	}
	if c.Created.After(w.held.Created) {
		w.held.Created = c.Created.Time
	}
	return nil
}
