package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/manifest"
)

// MutateOptions say what to change of images besides what is in them.
type MutateOptions struct {
	EditOptions
	settings.Edit
	Annotations      []string // NAME=VALUE, of the manifests and the index
	UnsetAnnotations []string
	// Time, if not nil, makes rebuilds equal: files in the layers that are newer get this
	// time, and so do the image and its history. Layers without such files stay as they
	// are.
	Time *time.Time
}

// Mutate changes how images are run, what they are for, and what is said of them.
func (b *Bench) Mutate(ctx context.Context, root v1.Descriptor, o MutateOptions) (*Result, error) {
	m := &mutator{b: b, o: o, rewritten: map[v1.Hash]*madeLayer{}}
	if o.Time != nil {
		m.o.Created = o.Time
	}
	return b.edit(ctx, root, o.EditOptions, edit{do: m.do, index: m.index})
}

type mutator struct {
	b         *Bench
	o         MutateOptions
	rewritten map[v1.Hash]*madeLayer // nil: it stays
}

func (m *mutator) do(ctx context.Context, d *draft) error {
	m.o.Edit.Apply(d.config.File)
	changes := len(settings.Diff(d.config.Old(), d.config.File))
	if changes > 0 || m.o.Created != nil {
		d.why = append(d.why, "other settings")
	}
	annotations, changed := m.annotate(d.manifest.Annotations)
	if changed {
		d.manifest.Annotations = annotations
		d.why = append(d.why, "other annotations")
	}
	if m.o.Time == nil {
		return nil
	}
	return m.clampAll(ctx, d)
}

// annotate returns annotations as they will be, and whether that is a change.
func (m *mutator) annotate(old map[string]string) (map[string]string, bool) {
	all := maps.Clone(old)
	if all == nil {
		all = map[string]string{}
	}
	for _, kv := range m.o.Annotations {
		k, v, _ := strings.Cut(kv, "=")
		all[k] = v
	}
	for _, k := range m.o.UnsetAnnotations {
		delete(all, k)
	}
	changed := !maps.Equal(all, old)
	if len(all) == 0 {
		all = nil
	}
	return all, changed
}

func (m *mutator) index(idx *v1.IndexManifest) string {
	annotations, changed := m.annotate(idx.Annotations)
	if !changed {
		return ""
	}
	idx.Annotations = annotations
	return "other annotations"
}

// clampAll sets back the times in every layer of d.
func (m *mutator) clampAll(ctx context.Context, d *draft) error {
	r := m.b.reader(m.o.Options)
	var changed []string
	for i, l := range d.manifest.Layers {
		if manifest.IsForeign(l) {
			continue
		}
		made, known := m.rewritten[l.Digest]
		if !known {
			var err error
			if made, err = m.clamp(ctx, r, l, d); err != nil {
				return fmt.Errorf("layer %s: %w", l.Digest, err)
			}
			m.rewritten[l.Digest] = made
		}
		if made != nil {
			d.manifest.Layers[i] = made.Descriptor
			d.config.File.RootFS.DiffIDs[i] = made.DiffID
			changed = append(changed, l.Digest.String())
		}
	}
	if len(changed) > 0 {
		d.why = append(d.why, fmt.Sprintf("files in %d layers set back to %s", len(changed), m.o.Time.UTC().Format(time.RFC3339)))
	}
	return nil
}

// clamp rewrites a layer in which files are newer than allowed; nil if there are none.
func (m *mutator) clamp(ctx context.Context, r *reader, l v1.Descriptor, d *draft) (*madeLayer, error) {
	in, err := r.plain(ctx, l)
	if err != nil {
		return nil, err
	}
	newer := false
	err = merge.Entries(ctx, in, func(_ int, h *tar.Header, _ io.Reader) error {
		newer = newer || h.ModTime.After(*m.o.Time)
		return nil
	})
	kind := in.Kind
	if err = errors.Join(err, in.Close()); err != nil || !newer {
		return nil, err
	}
	if in, err = r.plain(ctx, l); err != nil {
		return nil, err
	}
	mt := d.Manifest.Descriptor.MediaType
	made, err := m.b.layer(mt, packing(mt, kind), func(w io.Writer) error {
		t := merge.NewTarWriter(w)
		err := merge.Entries(ctx, in, func(_ int, h *tar.Header, content io.Reader) error { return t.Raw(m.clamped(h), content) })
		return errors.Join(err, t.Close())
	})
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	made.Annotations = l.Annotations
	return made, nil
}

// clamped is h with no time after the one allowed, and only that of the last change.
func (m *mutator) clamped(h *tar.Header) *tar.Header {
	c := *h
	if c.ModTime.After(*m.o.Time) {
		c.ModTime = *m.o.Time
	}
	c.AccessTime, c.ChangeTime = time.Time{}, time.Time{}
	c.PAXRecords = maps.Clone(h.PAXRecords)
	maps.DeleteFunc(c.PAXRecords, func(k, _ string) bool {
		return slices.Contains([]string{"atime", "ctime", "mtime"}, k) || strings.HasPrefix(k, "GNU.sparse.")
	})
	c.Format = tar.FormatUnknown
	if c.ModTime.Nanosecond() != 0 || c.Typeflag == tar.TypeXGlobalHeader {
		c.Format = tar.FormatPAX
	}
	switch c.Typeflag {
	case tar.TypeGNUSparse, tar.TypeCont: // what was read has no holes any more
		c.Typeflag = tar.TypeReg
	}
	return &c
}
