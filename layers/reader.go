package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A reader reads the layers of one source. What it fetches from far away it keeps in
// files until it is closed. It is safe for concurrent use.
type reader struct {
	src place.Source
	o   Options

	whole bool // no table of contents is used

	mu   sync.Mutex
	dir  string // of the files; made when first needed
	kept map[v1.Hash]*kept
}

// kept is a layer in a file.
type kept struct {
	once sync.Once
	done atomic.Bool // path may be read
	path string
	err  error
}

func newReader(src place.Source, o Options) *reader {
	return &reader{src: src, o: o, kept: map[v1.Hash]*kept{}}
}

// path returns the file in which h is kept, if it is.
func (r *reader) path(h v1.Hash) (string, bool) {
	if r == nil {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kept[h]
	if k == nil || !k.done.Load() {
		return "", false
	}
	return k.path, true
}

// close removes the files.
func (r *reader) close() error {
	if r.dir == "" {
		return nil
	}
	return os.RemoveAll(r.dir)
}

// blob opens d as it is stored. Reading it to its end verifies it.
func (r *reader) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if !r.o.Spool {
		rc, err := r.src.Open(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", d.Digest, err)
		}
		return place.Verify(ctx, r.src, rc, d), nil
	}
	r.mu.Lock()
	k := r.kept[d.Digest]
	if k == nil {
		k = new(kept)
		r.kept[d.Digest] = k
	}
	r.mu.Unlock()
	k.once.Do(func() {
		k.path, k.err = r.fetch(ctx, d)
		k.done.Store(k.err == nil)
	})
	if k.err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", d.Digest, k.err)
	}
	f, err := os.Open(k.path)
	if err != nil {
		return nil, err
	}
	return f, nil // it was verified when it was written
}

// fetch writes d, verified, to a file.
func (r *reader) fetch(ctx context.Context, d v1.Descriptor) (string, error) {
	dir, err := r.tempDir()
	if err != nil {
		return "", err
	}
	rc, err := r.src.Open(ctx, d)
	if err != nil {
		return "", err
	}
	in := place.Verify(ctx, r.src, &counted{rc, d, r.o.Events}, d)
	r.o.Events.Emit(event.Event{Kind: event.Start, Blob: d})
	name := filepath.Join(dir, d.Digest.Hex)
	err = writeFile(ctx, name, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return "", err
	}
	r.o.Events.Emit(event.Event{Kind: event.Done, Blob: d})
	return name, nil
}

func writeFile(ctx context.Context, name string, r io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = blob.Copy(ctx, f, r)
	return errors.Join(err, f.Close())
}

func (r *reader) tempDir() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir != "" {
		return r.dir, nil
	}
	dir, err := os.MkdirTemp(r.o.TempDir, "dray-layers-")
	r.dir = dir
	return dir, err
}

// counted reports what is read through it.
type counted struct {
	io.ReadCloser
	d      v1.Descriptor
	events event.Handler
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if n > 0 {
		c.events.Emit(event.Event{Kind: event.Bytes, Blob: c.d, N: int64(n)})
	}
	return n, err
}

// plain opens d as the tar that it holds. Reading it to its end verifies it.
func (r *reader) plain(ctx context.Context, d v1.Descriptor) (*plainLayer, error) {
	rc, err := r.blob(ctx, d)
	if err != nil {
		return nil, err
	}
	z, err := compress.NewReader(rc, compress.Limits{})
	if err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", d.Digest, errors.Join(err, rc.Close()))
	}
	p := &plainLayer{Kind: z.Kind, Reader: z, z: z, raw: rc}
	if z.Kind != compress.None {
		p.ahead = compress.ReadAhead(z, compress.Blocks(), nil)
		p.Reader = p.ahead
	}
	return p, nil
}

// A plainLayer is a decompressed layer.
type plainLayer struct {
	Kind compress.Kind // of the compression that was found
	io.Reader
	ahead *compress.Ahead // nil if there is nothing to do ahead
	z     *compress.Reader
	raw   io.Closer
}

func (p *plainLayer) Close() error {
	if p.ahead != nil {
		p.ahead.Close()
	}
	return errors.Join(p.z.Close(), p.raw.Close())
}

// plan says what is going to be fetched.
func (r *reader) plan(ds []v1.Descriptor) {
	if !r.o.Spool {
		return
	}
	seen, total := map[v1.Hash]bool{}, int64(0)
	for _, d := range ds {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			total += d.Size
		}
	}
	r.o.Events.Emit(event.Event{Kind: event.Plan, Total: total, Count: len(seen), Text: "read"})
}

// tables reads the layers of img, several at once; the lowest are those in have, if
// there are any.
func (r *reader) tables(ctx context.Context, img *Image, sum func(io.Reader) (uint64, error), have ...*merge.Table) ([]*merge.Table, error) {
	ds := img.Manifest.Image.Layers
	r.plan(ds[len(have):])
	tables := make([]*merge.Table, len(ds))
	budget := new(merge.Budget)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.o.jobs())
	for i, d := range ds {
		if i < len(have) {
			tables[i] = have[i].Clone()
			continue
		}
		g.Go(func() (err error) {
			tables[i], err = r.table(gctx, d, merge.Options{Layer: i, Fold: img.isWindows(), Budget: budget, Sum: sum})
			return err
		})
	}
	return tables, g.Wait()
}

func (r *reader) table(ctx context.Context, d v1.Descriptor, o merge.Options) (*merge.Table, error) {
	p, err := r.plain(ctx, d)
	if err != nil {
		return nil, err
	}
	t, err := merge.Read(ctx, p, o)
	if err = errors.Join(err, p.Close()); err != nil {
		return nil, fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	return t, nil
}

// tree merges all layers of img.
func (r *reader) tree(ctx context.Context, img *Image, sum func(io.Reader) (uint64, error)) (*merge.Tree, error) {
	tables, err := r.tables(ctx, img, sum)
	if err != nil {
		return nil, err
	}
	return merge.Of(tables, img.isWindows()), nil
}

// opener opens the layers ds by number.
func (r *reader) opener(ds []v1.Descriptor) func(context.Context, int) (io.ReadCloser, error) {
	return func(ctx context.Context, i int) (io.ReadCloser, error) {
		p, err := r.plain(ctx, ds[i])
		if err != nil {
			return nil, err
		}
		return p, nil
	}
}
