package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A syncGroup is images of one source, which is closed when all are done.
type syncGroup struct {
	rule  *mirror.Rule
	src   *open.Source
	items []syncItem
	// companions are what belongs to images by the name of its tag, by digest.
	companions map[string][]syncItem
	open       atomic.Int64 // users

	mu    sync.Mutex
	dests map[string]*syncDest // by repository
}

// A syncItem is one image that a rule means.
type syncItem struct {
	key  string        // what the source is asked for
	root v1.Descriptor // zero where only asking would tell
	from string        // what it is called, in full
	to   ref.Name      // what it is called at the destination
	all  bool          // all platforms, whatever the rule says
}

func (g *syncGroup) close() error {
	errs := []error{g.src.Close()}
	for _, d := range g.dests {
		errs = append(errs, d.sink.Close())
	}
	return errors.Join(errs...)
}

// groups yields what r means, one source after the other. What fails is reported.
func (s *syncer) groups(ctx context.Context, r *mirror.Rule) iter.Seq[*syncGroup] {
	return func(yield func(*syncGroup) bool) {
		before, any := s.failures(), false
		for at, err := range s.sources(ctx, r) {
			if ctx.Err() != nil {
				return
			}
			var g *syncGroup
			var chosen int
			if err == nil {
				g, chosen, err = s.group(ctx, r, at)
			}
			if err != nil {
				s.failBlind(r, at, err)
				continue
			}
			any = any || chosen > 0
			if !yield(g) {
				return
			}
		}
		switch {
		case s.failures() > before || ctx.Err() != nil:
		case !any:
			s.failBlind(r, r.Source.Ref, fmt.Errorf("%s: the rule takes nothing of what is there: %w", r.From, place.ErrNotFound))
		default:
			s.warnIdle(r)
		}
	}
}

// warnIdle says which of the patterns under except have left out nothing.
func (s *syncer) warnIdle(r *mirror.Rule) {
	for _, pattern := range r.Idle() {
		text := fmt.Sprintf("%s: %s: nothing is left out by except %q", s.at(r), r.From, pattern)
		s.o.Events.Emit(event.Event{Kind: event.Warn, Text: text, Hint: "patterns are held against REPOSITORY and HOST/REPOSITORY; * stops at a slash, ** does not"})
	}
}

// at is where r stands.
func (s *syncer) at(r *mirror.Rule) string { return fmt.Sprintf("%s:%d", s.flags.file, r.Line) }

// failBlind reports that it is not known what r means.
func (s *syncer) failBlind(r *mirror.Rule, at ref.Ref, err error) {
	s.mu.Lock()
	s.blind = true
	s.mu.Unlock()
	name := at.String()
	if at.Kind != ref.Registry || at.Name.Repository == "" {
		name = r.From
	}
	s.fail(syncedImage{Source: name}, fmt.Errorf("%s: %w", s.at(r), err))
}

// sources yields the places of r: the repositories of a registry that its pattern
// means, or the one that it names.
func (s *syncer) sources(ctx context.Context, r *mirror.Rule) iter.Seq2[ref.Ref, error] {
	at := r.Source.Ref
	if at.Kind != ref.Registry || !r.Source.IsPattern() {
		return func(yield func(ref.Ref, error) bool) { yield(at, nil) }
	}
	return func(yield func(ref.Ref, error) bool) {
		client, err := s.a.registry()
		stop := errors.New("stop")
		if err == nil {
			err = client.Catalog(ctx, at.Name.Host, func(repository string) error {
				one := at
				one.Name.Repository = repository
				if r.Takes(one.Name) && !yield(one, nil) {
					return stop
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, stop) {
			yield(at, err)
		}
	}
}

// group opens one source of r, and chooses among what is in it. It also returns
// how many images that are, other shards' among them.
func (s *syncer) group(ctx context.Context, r *mirror.Rule, at ref.Ref) (g *syncGroup, chosen int, err error) {
	if at.Kind == ref.Store {
		at.Name = ref.Name{} // the rule chooses among all
	}
	src, err := s.doors.Source(ctx, at)
	if err != nil {
		return nil, 0, err
	}
	g = &syncGroup{rule: r, src: src, companions: map[string][]syncItem{}, dests: map[string]*syncDest{}}
	if err := s.choose(ctx, g, &chosen); err != nil {
		return nil, 0, errors.Join(err, g.close())
	}
	return g, chosen, nil
}

// choose fills g.
func (s *syncer) choose(ctx context.Context, g *syncGroup, chosen *int) error {
	r := g.rule
	if r.Source.IsImage {
		it, err := s.single(ctx, g)
		if err != nil {
			return err
		}
		*chosen = 1
		return s.take(g, it)
	}
	tags, err := s.list(ctx, g)
	if err != nil {
		return err
	}
	for _, base := range slices.SortedFunc(maps.Keys(tags), func(a, b ref.Name) int { return strings.Compare(a.String(), b.String()) }) {
		in := tags[base]
		for _, tag := range r.Select(slices.Collect(maps.Keys(in))) {
			*chosen++
			if err := s.take(g, in[tag]); err != nil {
				return err
			}
		}
		for tag, it := range in {
			if digest, ok := mirror.IsCompanion(tag); ok && tag != strings.Replace(digest, ":", "-", 1) {
				it.all = true
				g.companions[base.String()+"@"+digest] = append(g.companions[base.String()+"@"+digest], it)
			}
		}
	}
	return nil
}

// single is the one image that the rule names.
func (s *syncer) single(ctx context.Context, g *syncGroup) (syncItem, error) {
	at := g.rule.Source.Ref
	if at.Kind == ref.Registry {
		n := at.Name
		from := n.Tagged()
		if n.Tag == "" {
			from = n.String()
		}
		return syncItem{key: n.Identifier(), from: from}, nil
	}
	if at.Kind == ref.Store {
		return syncItem{key: at.Name.String(), from: at.Name.Tagged()}, nil
	}
	root, err := g.src.Resolve(ctx, g.src.Name)
	return syncItem{key: g.src.Name, root: root, from: cmp.Or(at.Image, at.Name.Tagged())}, err
}

// list returns what is at the source, by repository and tag.
func (s *syncer) list(ctx context.Context, g *syncGroup) (map[ref.Name]map[string]syncItem, error) {
	lister, ok := place.As[place.Lister](place.Source(g.src))
	if !ok {
		return nil, fmt.Errorf("listing %s: %w", g.rule.From, place.ErrUnsupported)
	}
	all := map[ref.Name]map[string]syncItem{}
	isRegistry := g.src.Ref.Kind == ref.Registry
	err := lister.List(ctx, func(e place.Entry) error {
		n := ref.Name{Host: g.src.Ref.Name.Host, Repository: g.src.Ref.Name.Repository, Tag: e.Name}
		it := syncItem{key: e.Name, root: e.Root, from: n.String()}
		if !isRegistry {
			n, it.from = ref.Name{Tag: e.Name}, e.Name
			if full, err := ref.ParseName(e.Name); err == nil && strings.ContainsRune(e.Name, '/') {
				n = full
			}
			if n.Tag == "" || e.Name[0] == '@' || !g.rule.Takes(n) {
				return nil
			}
		}
		if all[n.Base()] == nil {
			all[n.Base()] = map[string]syncItem{}
		}
		all[n.Base()][n.Tag] = it
		return nil
	})
	return all, err
}

// take puts it into g, if it belongs to this shard, and claims its name at the destination.
func (s *syncer) take(g *syncGroup, it syncItem) error {
	name := ref.Name{Tag: it.from}
	if strings.ContainsRune(it.from, '/') {
		var err error
		if name, err = ref.ParseName(it.from); err != nil {
			return err
		}
	} else if g.rule.To == "" || strings.HasSuffix(g.rule.To, "/") {
		return &usageError{fmt.Errorf("%s holds %q, a tag without a repository: say what to call it with \"to\"", g.rule.From, it.from)}
	}
	to, err := s.target.Name(g.rule, name)
	if err != nil {
		return err
	}
	it.to = to
	s.mu.Lock()
	other, taken := s.named[to.String()]
	s.named[to.String()] = it.from
	s.mu.Unlock()
	switch {
	case taken && other == it.from:
		return nil
	case taken:
		s.fail(syncedImage{Source: it.from, Name: to.String()}, fmt.Errorf("syncing %s: %s would be written there too: %s", it.from, other, to))
	case s.shard.Has(it.from):
		g.items = append(g.items, it)
	}
	return nil
}
