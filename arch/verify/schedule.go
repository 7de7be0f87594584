package verify

import (
	"cmp"
	"context"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A schedule is all layers of a run, each once, and which images wait for them.
type schedule struct {
	*layerReader
	o       Options
	order   []*layer
	byHash  map[v1.Hash]*layer
	mu      sync.Mutex
	waiting map[*image]int      // how many layers an image still waits for
	users   map[*layer][]*image // who waits for a layer
	left    map[*layer]int      // how many images have still to be judged with it
}

// readLayers reads what o asks for, and judges the programs of every image as soon as
// its layers are read. Tables go as soon as no image needs them any more.
func (v *verifier) readLayers(ctx context.Context) error {
	s := v.schedule()
	v.coverage.Total = s.tars()
	if v.o.Fast {
		return nil
	}
	var err error
	if v.o.Skim {
		err = s.skim(ctx, v.images)
	} else {
		err = s.readAll(ctx, v.images)
	}
	for _, l := range s.order {
		if l.listed {
			v.coverage.Toc++
		}
		if l.whole {
			v.coverage.Bytes += l.d.Size
			if l.isTar {
				v.coverage.Read++
			}
		} else if !l.isTar {
			v.findings = append(v.findings, l.faults...)
		}
	}
	return err
}

func (v *verifier) schedule() *schedule {
	s := &schedule{
		layerReader: newLayerReader(v.src, v.o), o: v.o, byHash: map[v1.Hash]*layer{},
		waiting: map[*image]int{}, users: map[*layer][]*image{}, left: map[*layer]int{},
	}
	for _, m := range v.images {
		if m.doc == nil {
			continue
		}
		for _, d := range m.doc.Image.Layers {
			l := s.add(d)
			l.isTar = true
			if m.config != nil && len(m.config.RootFS.DiffIDs) > 0 {
				l.diffID = cmp.Or(m.config.RootFS.DiffIDs[0].Algorithm, l.diffID)
			}
			if users := s.users[l]; len(users) == 0 || users[len(users)-1] != m {
				s.users[l] = append(s.users[l], m)
				m.layers = append(m.layers, l)
				s.waiting[m]++
				s.left[l]++
			}
		}
	}
	for _, d := range v.others {
		s.add(d)
	}
	return s
}

func newLayerReader(src place.Source, o Options) *layerReader {
	lr := &layerReader{src: src, near: o.Near, tables: o.binaries() != None, events: o.Events, desks: make(chan *desk, o.jobs())}
	for range o.jobs() {
		lr.desks <- nil
	}
	return lr
}

func (s *schedule) add(d v1.Descriptor) *layer {
	l, ok := s.byHash[d.Digest]
	if !ok {
		l = &layer{d: d, diffID: "sha256"}
		s.byHash[d.Digest] = l
		s.order = append(s.order, l)
	}
	return l
}

func (s *schedule) tars() (n int) {
	for _, l := range s.order {
		if l.isTar {
			n++
		}
	}
	return n
}

// readAll reads every layer whole.
func (s *schedule) readAll(ctx context.Context, images []*image) error {
	var total int64
	for _, l := range s.order {
		total += l.d.Size
	}
	s.events.Emit(event.Event{Kind: event.Plan, Total: total, Count: len(s.order), Text: "read"})
	for _, m := range images {
		if s.waiting[m] == 0 {
			s.judge(m)
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.o.jobs())
	for _, l := range s.order {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := s.read(gctx, l); err != nil {
				return err
			}
			for _, m := range s.done(l) {
				s.judge(m)
				s.release(m)
			}
			return nil
		})
	}
	return g.Wait()
}

// done returns the images that waited for l alone.
func (s *schedule) done(l *layer) (ready []*image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.users[l] {
		if s.waiting[m]--; s.waiting[m] == 0 {
			ready = append(ready, m)
		}
	}
	return ready
}

// release lets go of the tables that only m still needed.
func (s *schedule) release(m *image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range m.layers {
		if s.left[l]--; s.left[l] == 0 {
			s.budget.Release(l.table)
			l.table = nil
		}
	}
}
