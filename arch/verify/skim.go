package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A skimmed is the turn of those who want to read a layer that is only read when
// somebody needs it.
type skimmed struct{ sync.Mutex }

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

// skimImage reads layers of m until what it starts is known. Where tables of contents do
// not lead to the programs after all, layers are read whole.
func (s *schedule) skimImage(ctx context.Context, m *image, reads map[*layer]*skimmed) error {
	binaries := s.o.binaries()
	if binaries == None || m.config == nil {
		return nil
	}
	if binaries == Entrypoint && len(command(m.config.Config)) > 0 {
		if ranger, ok := place.As[place.Ranger](s.src); ok {
			p := &peeker{ctx: ctx, src: ranger, layers: m.doc.Image.Layers, seen: map[v1.Hash]map[rootfs.Content]*exe.File{}}
			tables, err := s.skimTables(ctx, m, reads, p)
			if err != nil {
				return err
			}
			if p.err == nil {
				m.judgePrograms(tables, binaries, p)
				return nil
			}
		}
	}
	tables, err := s.skimTables(ctx, m, reads, nil)
	if err != nil {
		return err
	}
	m.judgePrograms(tables, binaries, nil)
	return nil
}

// skimTables returns the tables that it takes to judge m; p is nil where tables of
// contents will not do.
func (s *schedule) skimTables(ctx context.Context, m *image, reads map[*layer]*skimmed, p *peeker) ([]*rootfs.Layer, error) {
	tables := make([]*rootfs.Layer, len(m.doc.Image.Layers))
	for i := len(tables) - 1; i >= 0; i-- {
		l := s.byHash[m.doc.Image.Layers[i].Digest]
		table, err := s.skimLayer(ctx, l, reads[l], p != nil)
		if err != nil {
			return nil, err
		}
		tables[i] = table
		if s.o.binaries() == Entrypoint && m.knowsStart(tables, p) {
			break
		}
	}
	return tables, nil
}

// skimLayer reads l once, for all images: its table of contents where that will do.
func (s *schedule) skimLayer(ctx context.Context, l *layer, r *skimmed, byTOC bool) (*rootfs.Layer, error) {
	r.Lock()
	defer r.Unlock()
	if l.whole || len(l.faults) > 0 || l.listed && byTOC {
		return l.table, nil
	}
	if byTOC && s.readTOC(ctx, l) == nil { // if not, reading the layer will say what is wrong
		return l.table, nil
	}
	s.budget.Release(l.table)
	l.listed, l.table = false, nil
	err := s.read(ctx, l)
	return l.table, err
}

// knowsStart reports whether what m starts is known from the tables that there are.
func (m *image) knowsStart(tables []*rootfs.Layer, p *peeker) bool {
	claim := m.claim()
	st := newStart(rootfs.New(tables, claim.Normalize().OS == "windows"), m.config.Config, claim)
	st.peeker = p
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

// last reads the last byte of d; io.EOF says that there is none. Where there are no
// ranges, d is only opened.
func last(ctx context.Context, src place.Source, d v1.Descriptor) error {
	ranger, ok := place.As[place.Ranger](src)
	if !ok || d.Size == 0 || manifest.Is(d.MediaType) {
		return opens(ctx, src, d)
	}
	rc, err := ranger.OpenRange(ctx, d, d.Size-1, 1)
	if errors.Is(err, place.ErrUnsupported) {
		return opens(ctx, src, d)
	}
	if err != nil {
		return err
	}
	_, err = io.ReadFull(rc, make([]byte, 1))
	if cerr := rc.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("asking for %s: %w", d.Digest, cerr)
	}
	return err
}

func opens(ctx context.Context, src place.Source, d v1.Descriptor) error {
	rc, err := src.Open(ctx, d)
	if err != nil {
		return err
	}
	return rc.Close()
}
