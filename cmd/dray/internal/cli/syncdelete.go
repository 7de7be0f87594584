package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// removeUnnamed removes at the destination what the rules do not name. Unless it is
// known what they name it removes nothing.
func (s *syncer) removeUnnamed(ctx context.Context) {
	if s.blind {
		s.fail(syncedImage{Source: s.targetName()}, errors.New("nothing is removed: it is not known what all rules mean"))
		return
	}
	if s.local != nil {
		s.removeLocal(ctx)
		return
	}
	for name := range s.named { // also those of which this shard has nothing to copy
		if n, err := ref.ParseName(name); err == nil && s.stood[n.Base().String()] == nil {
			s.stood[n.Base().String()] = map[string]bool{}
		}
	}
	if err := s.listPrefix(ctx); err != nil {
		s.fail(syncedImage{Source: s.targetName()}, err)
	}
	for _, base := range slices.Sorted(maps.Keys(s.stood)) {
		if ctx.Err() != nil {
			return
		}
		if err := s.removeFrom(ctx, base, s.stood[base]); err != nil {
			s.fail(syncedImage{Source: base}, err)
		}
	}
}

// listPrefix finds repositories below the destination's prefix that no rule names
// any more. Without a prefix there may be anything, which is nobody's to remove.
func (s *syncer) listPrefix(ctx context.Context) error {
	at := s.target.Ref.Name
	if at.Repository == "" {
		return nil
	}
	client, err := s.a.registry()
	if err != nil {
		return err
	}
	return client.Catalog(ctx, at.Host, func(repository string) error {
		base := at.Host + "/" + repository
		if strings.HasPrefix(repository, at.Repository+"/") && s.stood[base] == nil {
			s.stood[base] = map[string]bool{}
		}
		return nil
	})
}

// removeFrom removes from one repository what is not named.
func (s *syncer) removeFrom(ctx context.Context, base string, stood map[string]bool) (err error) {
	n, err := ref.ParseRepository(base)
	if err != nil {
		return err
	}
	var d *syncDest
	open := func() (err error) {
		if d == nil {
			d, err = s.openDest(ctx, ref.Ref{Kind: ref.Registry, Name: n, Explicit: true})
		}
		return err
	}
	if len(stood) == 0 {
		if err := open(); err != nil {
			return err
		}
		stood = tagSet(d)
	}
	var doomed []ref.Name
	for _, tag := range slices.Sorted(maps.Keys(stood)) {
		if to := n.WithTag(tag); s.isDoomed(to) {
			doomed = append(doomed, to)
		}
	}
	if len(doomed) == 0 && d == nil {
		return nil
	}
	if err := open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.sink.Close()) }()
	s.removeAll(ctx, d, n, doomed)
	return nil
}

// removeLocal removes from a layout what is not named, and from the store what is
// not named in the repositories that the rules name.
func (s *syncer) removeLocal(ctx context.Context) {
	bases := map[string]bool{}
	for name := range s.named {
		if n, err := ref.ParseName(name); err == nil {
			bases[n.Base().String()] = true
		}
	}
	doomed := map[ref.Name][]ref.Name{}
	for name := range s.local.names {
		n, err := ref.ParseName(name)
		if err != nil || !strings.ContainsRune(name, '/') || n.Tag == "" {
			continue // not of our making
		}
		if s.isDoomed(n) && (s.target.Ref.There().Kind != ref.Store || bases[n.Base().String()]) {
			doomed[n.Base()] = append(doomed[n.Base()], n)
		}
	}
	for base, names := range doomed {
		slices.SortFunc(names, func(a, b ref.Name) int { return strings.Compare(a.Tag, b.Tag) })
		s.removeAll(ctx, s.local, base, names)
	}
}

// isDoomed reports whether n is to be removed, by this shard.
func (s *syncer) isDoomed(n ref.Name) bool {
	_, isNamed := s.named[n.String()]
	_, belongs := mirror.IsCompanion(n.Tag)
	return !isNamed && !belongs && s.shard.Has(n.String())
}

// removeAll removes names of one repository, and what belongs to their images.
func (s *syncer) removeAll(ctx context.Context, d *syncDest, base ref.Name, names []ref.Name) {
	for _, n := range names {
		if ctx.Err() != nil {
			return
		}
		im := syncedImage{Name: n.String(), Action: syncRemoved}
		root, err := resolveAt(ctx, d, s.nameAt(n))
		im.Digest = root.Digest.String()
		if s.flags.dryRun {
			im.Action = syncWouldRemove
		} else if err == nil {
			err = s.removeOne(ctx, d, n, im.Digest)
		}
		if err != nil {
			s.fail(im, err)
			continue
		}
		s.succeed(im)
		s.removeCompanions(ctx, d, base, im.Digest)
	}
}

// removeOne removes a name; where a registry removes digests only, that, unless
// another name that stays is the same image.
func (s *syncer) removeOne(ctx context.Context, d *syncDest, n ref.Name, digest string) error {
	remover, ok := place.As[place.Remover](place.Sink(d.sink))
	if !ok {
		return fmt.Errorf("removing %s: %w", n, place.ErrUnsupported)
	}
	err := remover.Remove(ctx, s.nameAt(n))
	if !errors.Is(err, place.ErrUnsupported) || s.target.Ref.Kind != ref.Registry {
		return err
	}
	if d.partial != nil { // a name that is not known could go with it
		return fmt.Errorf("removing %s by digest: %w", n, d.partial)
	}
	kept, kerr := s.isKept(ctx, d, n.Base(), digest)
	if kerr != nil {
		return kerr
	}
	if kept {
		return fmt.Errorf("%w, and by digest a name that stays would go with it", err)
	}
	return remover.Remove(ctx, "@"+digest)
}

// isKept reports whether a name of the repository that stays is the image digest.
func (s *syncer) isKept(ctx context.Context, d *syncDest, base ref.Name, digest string) (bool, error) {
	for name := range d.names {
		n := base.WithTag(name)
		if s.target.Ref.Kind != ref.Registry {
			full, err := ref.ParseName(name)
			if err != nil || full.Base() != base {
				continue
			}
			n = full
		}
		if _, isNamed := s.named[n.String()]; !isNamed {
			continue
		}
		known, ok := s.digests[n.String()]
		if !ok {
			root, err := resolveAt(ctx, d, name)
			if err != nil {
				return false, err
			}
			known = root.Digest.String()
			s.digests[n.String()] = known
		}
		if known == digest {
			return true, nil
		}
	}
	return false, nil
}

// removeCompanions removes what belonged to an image that is gone.
func (s *syncer) removeCompanions(ctx context.Context, d *syncDest, base ref.Name, digest string) {
	for name := range d.names {
		n := base.WithTag(name)
		if s.target.Ref.Kind != ref.Registry {
			full, err := ref.ParseName(name)
			if err != nil || full.Base() != base {
				continue
			}
			n = full
		}
		if of, ok := mirror.IsCompanion(n.Tag); !ok || of != digest {
			continue
		}
		if _, isNamed := s.named[n.String()]; isNamed {
			continue
		}
		kept, err := s.isKept(ctx, d, base, digest)
		if kept {
			return
		}
		im := syncedImage{Name: n.String(), Action: syncRemoved}
		if s.flags.dryRun {
			im.Action = syncWouldRemove
		} else if err == nil {
			root, rerr := resolveAt(ctx, d, name)
			if err = rerr; err == nil {
				im.Digest = root.Digest.String()
				err = s.removeOne(ctx, d, n, im.Digest)
			}
		}
		if err != nil {
			s.fail(im, err)
			continue
		}
		s.succeed(im)
	}
}
