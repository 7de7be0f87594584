package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// maxRemembered bounds the images whose copies are remembered, some 200 bytes each.
const maxRemembered = 100_000

// image brings one image, and what belongs to it by the names of tags.
func (s *syncer) image(ctx context.Context, g *syncGroup, it syncItem) {
	done := s.bring(ctx, g, it)
	if s.o.NoReferrers || !done.OK || done.Digest != done.origin || s.target.Ref.Kind != ref.Registry {
		return
	}
	base, _, _ := strings.Cut(strings.TrimSuffix(it.from, ":"+it.to.Tag), "@")
	for _, c := range g.companions[base+"@"+done.Digest] {
		c.to = it.to
		c.to.Tag, c.to.Digest = c.key, ""
		s.mu.Lock()
		_, taken := s.named[c.to.String()]
		s.named[c.to.String()] = c.from
		s.mu.Unlock()
		if !taken {
			s.bring(ctx, g, c)
		}
	}
}

// bring brings what it means, unless it is there, and reports it.
func (s *syncer) bring(ctx context.Context, g *syncGroup, it syncItem) syncedImage {
	im := syncedImage{Source: it.from, Name: it.to.String()}
	err := s.try(ctx, g, it, &im)
	if err != nil {
		return s.fail(im, err)
	}
	return s.succeed(im)
}

func (s *syncer) try(ctx context.Context, g *syncGroup, it syncItem, im *syncedImage) error {
	d, err := g.dest(ctx, s, it.to)
	if err != nil {
		return err
	}
	if _, there := d.names[s.nameAt(it.to)]; there && g.rule.Immutable && !s.flags.recheck {
		im.Action = syncSame
		return nil
	}
	origin := it.root
	if origin.Digest.Hex == "" {
		if origin, err = g.src.Resolve(ctx, it.key); err != nil {
			return err
		}
	}
	im.origin = origin.Digest.String()
	root, same, err := s.isSame(ctx, g, d, it, origin)
	switch {
	case err != nil:
		return err
	case same:
		im.Digest, im.Action = root, syncSame
		s.remember(g, it, im.origin, root)
		return nil
	case s.flags.dryRun:
		*im = im.wouldCopy(g.selection(it).All)
		return nil
	}
	return s.copy(ctx, g, d, it, origin, im)
}

// copy copies what it means. When the registry's quota is spent it waits, if it is
// to, and goes on.
func (s *syncer) copy(ctx context.Context, g *syncGroup, d *syncDest, it syncItem, origin v1.Descriptor, im *syncedImage) error {
	done, err := s.turn(ctx, it.to.Base().String()+"@"+im.origin)
	if err != nil {
		return err
	}
	defer done()
	host := ""
	if g.src.Ref.Kind == ref.Registry {
		host = g.src.Ref.Name.Host
	}
	stood := ""
	if s.flags.recheck { // it may well be there
		root, _ := resolveAt(ctx, d, s.nameAt(it.to))
		stood = root.Digest.String()
	}
	probe := func(ctx context.Context) { _, _ = g.src.Resolve(ctx, it.key) } // what it says of the quota counts
	for {
		if err := s.quota.Await(ctx, host, probe); err != nil {
			return err
		}
		var moved atomic.Int64
		results, err := transfer.Copy(ctx, d.sink, []transfer.Request{s.request(g, it, origin)}, s.counting(g, it, &moved))
		im.Bytes += moved.Load()
		if errors.Is(err, place.ErrUnavailable) && s.quota.IsSpent(host) && s.flags.quotaWait > 0 && ctx.Err() == nil {
			continue // Await ends this
		}
		if len(results) > 0 {
			im.Digest = results[0].Root.Digest.String()
		}
		if err == nil {
			im.Action = syncCopied
			if stood == im.Digest && im.Bytes == 0 {
				im.Action = syncSame
			}
			s.remember(g, it, im.origin, im.Digest)
		}
		return err
	}
}

// turn waits until nobody copies what key is. Tags of one image come one after the
// other: the second finds everything there, and there are registries that cannot take
// the same manifest twice at once.
func (s *syncer) turn(ctx context.Context, key string) (done func(), err error) {
	s.mu.Lock()
	turn, ok := s.turns[key]
	if !ok {
		turn = make(chan struct{}, 1)
		s.turns[key] = turn
	}
	s.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *syncer) request(g *syncGroup, it syncItem, origin v1.Descriptor) transfer.Request {
	req := transfer.Request{Source: g.src, Name: it.from, Root: origin}
	if it.to.Tag != "" {
		req.Names = []string{s.nameAt(it.to)}
	}
	return req
}

// counting are the options for it, which count what is moved.
func (s *syncer) counting(g *syncGroup, it syncItem, moved *atomic.Int64) transfer.Options {
	o := s.o
	o.Platforms = g.selection(it)
	o.Events = func(e event.Event) {
		if e.Kind == event.Bytes {
			moved.Add(e.N)
		}
		s.o.Events.Emit(e)
	}
	return o
}

// selection is which platforms of it are taken.
func (g *syncGroup) selection(it syncItem) arch.Selection {
	if it.all || g.rule.Selection.IsZero() {
		return arch.Selection{All: true}
	}
	return g.rule.Selection
}

// isSame reports whether the destination has what origin would become, and as what.
// A list of the names there tells whether there is anything under the name. What it
// is tell the list itself, where it has digests, or what is remembered of the copy
// that put it there; only where nothing is remembered the destination is asked.
func (s *syncer) isSame(ctx context.Context, g *syncGroup, d *syncDest, it syncItem, origin v1.Descriptor) (root string, same bool, err error) {
	name := s.nameAt(it.to)
	stands, there := d.names[name]
	if !there || s.flags.recheck {
		return "", false, nil
	}
	from, to, _ := strings.Cut(s.memory.Get(s.memoryKey(g, it)), " ")
	remembered := from == origin.Digest.String()
	isListed := stands.Digest.Hex != ""
	if remembered && (!isListed || to == stands.Digest.String()) {
		return to, true, nil
	}
	if !g.selection(it).All {
		return "", false, nil // to find out what it would become is to copy it
	}
	if !isListed {
		if stands, err = resolveAt(ctx, d, name); errors.Is(err, place.ErrNotFound) {
			return "", false, nil
		}
	}
	return stands.Digest.String(), err == nil && stands.Digest == origin.Digest, err
}

func (s *syncer) remember(g *syncGroup, it syncItem, from, to string) {
	s.memory.Put(s.memoryKey(g, it), from+" "+to)
}

// memoryKey is short whatever the names are.
func (s *syncer) memoryKey(g *syncGroup, it syncItem) string {
	what := []string{s.targetName(), it.to.String()}
	if !g.selection(it).All {
		what = append(what, g.rule.Platforms...)
	}
	sum := sha256.Sum256([]byte(strings.Join(what, "\n")))
	return hex.EncodeToString(sum[:16])
}
