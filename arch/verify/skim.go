package verify

import (
	"context"
	"fmt"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A skimmed is a layer that is read when somebody first needs it, or only asked for.
type skimmed struct {
	once sync.Once
	err  error
}

// skim reads the layers of each image from the top until its programs are known, and
// asks for the others.
func (s *schedule) skim(ctx context.Context, images []*image) error {
	reads := make(map[*layer]*skimmed, len(s.order))
	for _, l := range s.order {
		reads[l] = new(skimmed)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.o.jobs())
	for _, m := range images {
		if m.doc != nil {
			g.Go(func() error { return s.skimImage(gctx, m, reads) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return s.askAll(ctx, images)
}

// skimImage reads layers of m until what it starts is known.
func (s *schedule) skimImage(ctx context.Context, m *image, reads map[*layer]*skimmed) error {
	binaries := s.o.binaries()
	if binaries == None || m.config == nil {
		return nil
	}
	tables := make([]*rootfs.Layer, len(m.doc.Image.Layers))
	for i := len(tables) - 1; i >= 0; i-- {
		l := s.byHash[m.doc.Image.Layers[i].Digest]
		r := reads[l]
		r.once.Do(func() { r.err = s.read(ctx, l) })
		if r.err != nil {
			return r.err
		}
		if tables[i] = l.table; binaries == Entrypoint && m.knowsStart(tables) {
			break
		}
	}
	m.judgePrograms(tables, binaries)
	return nil
}

// knowsStart reports whether what m starts is known from the tables that there are.
func (m *image) knowsStart(tables []*rootfs.Layer) bool {
	claim := m.claim()
	st := newStart(rootfs.New(tables, claim.Normalize().OS == "windows"), m.config.Config, claim)
	st.run()
	return len(st.argv) > 0 && !st.unread
}

// askAll asks for what was not read, several at once, and tells the images.
func (s *schedule) askAll(ctx context.Context, images []*image) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentJobs)
	for _, l := range s.order {
		if !l.whole && len(l.faults) == 0 {
			g.Go(func() error { return s.ask(gctx, l) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, m := range images {
		if m.doc != nil {
			m.checkLayers(s.byHash)
		}
	}
	return nil
}

// ask finds out whether l is there, by its last byte where the place has ranges.
func (s *schedule) ask(ctx context.Context, l *layer) error {
	if err := last(ctx, s.src, l.d); err != nil {
		return s.notOpened(l, err)
	}
	return nil
}

// last reads the last byte of d; io.EOF says that there is none.
func last(ctx context.Context, src place.Source, d v1.Descriptor) error {
	ranger, ok := place.As[place.Ranger](src)
	if !ok || d.Size == 0 || manifest.Is(d.MediaType) {
		rc, err := src.Open(ctx, d)
		if err != nil {
			return err
		}
		return rc.Close()
	}
	rc, err := ranger.OpenRange(ctx, d, d.Size-1, 1)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(rc, make([]byte, 1))
	if cerr := rc.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("asking for %s: %w", d.Digest, cerr)
	}
	return err
}
