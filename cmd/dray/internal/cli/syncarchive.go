package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/wrap"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// A syncArchive is a destination that is written as a whole, unless nothing changes.
// What it held before is taken from it.
type syncArchive struct {
	old   *open.Source             // what stands there; nil if nothing does
	names map[string]v1.Descriptor // in it
	wants []archiveWant

	reqs     []transfer.Request
	ims      []syncedImage // of reqs; without a name, if it is only kept
	at       map[int]int   // of reqs that are copied: their wants
	removed  []syncedImage
	news     bool // something is not as it stands
	replaces bool // a name that stands gets another image
}

// An archiveWant is one image that goes into an archive.
type archiveWant struct {
	g      *syncGroup
	it     syncItem
	im     syncedImage
	origin v1.Descriptor
	same   bool
	err    error
}

// archive brings the images of all groups, and closes them.
func (s *syncer) archive(ctx context.Context, groups []*syncGroup) (err error) {
	defer func() {
		for _, g := range groups {
			err = errors.Join(err, g.close())
		}
	}()
	if s.blind && s.flags.remove {
		s.fail(syncedImage{Source: s.targetName()}, errors.New("nothing is removed: it is not known what all rules mean"))
	}
	a, err := s.openArchive(ctx)
	if err != nil {
		return err
	}
	err = s.fill(ctx, a, groups)
	if cerr := a.close(); err == nil && cerr != nil {
		err = cerr
	}
	return err
}

// proven is a source of which only counts what is right.
type proven struct{ place.Source }

func (p proven) Unwrap() place.Source { return p.Source }

// Has reads d.
func (p proven) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	rc, err := p.Open(ctx, d)
	if err != nil {
		return false, nil // then it is read elsewhere
	}
	_, err = blob.Copy(ctx, io.Discard, blob.Verify(rc, d))
	return errors.Join(err, rc.Close()) == nil, context.Cause(ctx)
}

// openArchive reads what stands at the destination.
func (s *syncer) openArchive(ctx context.Context) (*syncArchive, error) {
	a := &syncArchive{names: map[string]v1.Descriptor{}, at: map[int]int{}}
	if _, err := os.Stat(s.target.Ref.Path); errors.Is(err, os.ErrNotExist) {
		return a, nil
	}
	var err error
	if a.old, err = s.doors.Source(ctx, s.target.Ref); err != nil {
		return nil, err
	}
	if lister, ok := place.As[place.Lister](place.Source(a.old)); ok {
		err = lister.List(ctx, func(e place.Entry) error {
			if e.Name != "" && e.Name[0] != '@' {
				a.names[e.Name] = e.Root
			}
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(err, a.old.Close())
	}
	return a, nil
}

func (a *syncArchive) close() error {
	if a.old == nil {
		return nil
	}
	return a.old.Close()
}

// fill decides what goes into the archive, and writes it if that is news.
func (s *syncer) fill(ctx context.Context, a *syncArchive, groups []*syncGroup) error {
	if err := s.lookAll(ctx, a, groups); err != nil {
		return err
	}
	for i, w := range a.wants {
		switch {
		case w.err != nil:
			s.fail(w.im, w.err)
			delete(s.named, w.im.Name) // what stands under the name stays
			s.blind = true
		case w.same:
			w.im.Action = syncSame
			a.keep(w.im, w.im.Name)
		default:
			w.im.Action, a.news = syncCopied, true
			a.at[len(a.reqs)] = i
			src := place.Source(w.g.src)
			if _, there := a.names[w.im.Name]; there {
				a.replaces = true
			}
			if a.old != nil {
				src = wrap.Cache(src, proven{a.old})
			}
			a.ims = append(a.ims, w.im)
			a.reqs = append(a.reqs, transfer.Request{
				Source: src, Name: w.it.from, Root: w.origin,
				Names: []string{w.im.Name}, Platforms: w.g.selection(w.it),
			})
		}
	}
	s.keepRest(a)
	if s.flags.dryRun || !a.news {
		s.tell(a)
		return nil
	}
	return s.write(ctx, a)
}

// lookAll finds out what each image is, some at once.
func (s *syncer) lookAll(ctx context.Context, a *syncArchive, groups []*syncGroup) error {
	for _, g := range groups {
		for _, it := range g.items {
			a.wants = append(a.wants, archiveWant{g: g, it: it, im: syncedImage{Source: it.from, Name: it.to.String()}})
		}
	}
	pool, pctx := errgroup.WithContext(ctx)
	pool.SetLimit(int(s.flags.images))
	d := &syncDest{names: a.names}
	for i := range a.wants {
		pool.Go(func() error {
			w := &a.wants[i]
			if w.it.to.Tag == "" {
				w.err = fmt.Errorf("an archive is written under a name, not a digest")
				return nil
			}
			_, there := a.names[w.im.Name]
			if w.same = there && w.g.rule.Immutable && !s.flags.recheck; w.same {
				return nil
			}
			w.origin = w.it.root
			if w.origin.Digest.Hex == "" {
				w.origin, w.err = w.g.src.Resolve(pctx, w.it.key)
			}
			if w.err == nil {
				w.im.origin = w.origin.Digest.String()
				w.im.Digest, w.same, w.err = s.isSame(pctx, w.g, d, w.it, w.origin)
			}
			return context.Cause(pctx)
		})
	}
	return pool.Wait()
}

// keep takes what stands under name over as it is.
func (a *syncArchive) keep(im syncedImage, name string) {
	a.ims = append(a.ims, im)
	a.reqs = append(a.reqs, transfer.Request{
		Source: a.old, Name: name, Root: a.names[name], Names: []string{name}, Platforms: arch.Selection{All: true}, Essential: true,
	})
}

// keepRest takes over what no rule names, unless that is to be removed.
func (s *syncer) keepRest(a *syncArchive) {
	for _, name := range slices.Sorted(maps.Keys(a.names)) {
		n, err := ref.ParseName(name)
		if _, isNamed := s.named[n.String()]; err == nil && isNamed {
			continue
		}
		if s.flags.remove && !s.blind {
			a.removed = append(a.removed, syncedImage{Name: name, Digest: a.names[name].Digest.String(), Action: syncRemoved})
		} else {
			a.keep(syncedImage{}, name)
		}
	}
	a.news = a.news || len(a.removed) > 0
}

// tell reports what is to be done, or what there is when nothing is.
func (s *syncer) tell(a *syncArchive) {
	for i, im := range a.ims {
		if im.Action == syncCopied {
			im = im.wouldCopy(a.reqs[i].Platforms.All)
		}
		if im.Name != "" {
			s.succeed(im)
		}
	}
	for _, im := range a.removed {
		im.Action = syncWouldRemove
		s.succeed(im)
	}
}

// write writes the archive, and reports what went into it. An image that cannot be
// had is left out, unless an older one of its name would be lost with it.
func (s *syncer) write(ctx context.Context, a *syncArchive) error {
	if len(a.reqs) == 0 {
		return errors.New("nothing would be left in the archive: remove it, if that is what is meant")
	}
	dst, err := s.doors.Sink(ctx, s.target.Ref)
	if err != nil {
		return err
	}
	o, events := s.o, s.o.Events
	o.KeepGoing = !a.replaces
	var moved atomic.Int64
	o.Events = func(e event.Event) {
		if e.Kind == event.Bytes {
			moved.Add(e.N)
		}
		events.Emit(e)
	}
	results, err := transfer.Copy(ctx, dst, a.reqs, o)
	if err = errors.Join(err, dst.Close()); err != nil && !as[*transfer.FailedError](err) && !as[*transfer.IncompleteError](err) {
		return err
	}
	s.report.Bytes += moved.Load() // which images share
	for i, r := range results {
		im := a.ims[i]
		switch {
		case r.Err != nil:
			s.fail(im, r.Err)
		case len(r.Missing) > 0:
			s.fail(im, &transfer.IncompleteError{Missing: r.Missing})
		case im.Name != "":
			im.Digest = r.Root.Digest.String()
			if im.Action == syncCopied {
				s.remember(a.wants[a.at[i]].g, a.wants[a.at[i]].it, im.origin, im.Digest)
			}
			s.succeed(im)
		}
	}
	for _, im := range a.removed {
		s.succeed(im)
	}
	return nil
}
