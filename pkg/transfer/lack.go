package transfer

import (
	"context"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/place"
)

// checkThere fails with a [*place.LackError] if anything is needed that no source
// of it has, and that is not where it is to go.
func (p *plan) checkThere(ctx context.Context, o Options, mount mountFunc) error {
	var lacks []place.Lack
	batches := p.batches()
	for _, b := range batches {
		lacking, err := b.lacking(ctx)
		if err != nil {
			return err
		}
		there, err := b.obtainAll(ctx, lacking, batches, o, mount)
		if err != nil {
			return err
		}
		p.there[b.to] = there
		lacking = slices.DeleteFunc(lacking, func(n node) bool { return there[n.d.Digest] != "" })
		named, err := b.name(ctx, lacking)
		if err != nil {
			return err
		}
		lacks = append(lacks, named...)
	}
	if len(lacks) > 0 {
		return &place.LackError{Lacks: lacks}
	}
	for _, t := range p.trees {
		if t.unchosen != nil {
			return t.unchosen
		}
	}
	return nil
}

func mayLack(s place.Source) bool {
	_, ok := place.As[place.Lacker](s)
	return ok
}

func mayLackAll(srcs []place.Source) bool {
	return !slices.ContainsFunc(srcs, func(s place.Source) bool { return !mayLack(s) })
}

// lacking returns the nodes of b that none of their sources has.
func (b batch) lacking(ctx context.Context) ([]node, error) {
	var nodes []node // that may be lacking
	asked := map[place.Source][]v1.Descriptor{}
	for _, n := range b.nodes() {
		if n.raw != nil || !mayLackAll(n.srcs) {
			continue
		}
		nodes = append(nodes, n)
		for _, s := range n.srcs {
			asked[s] = append(asked[s], n.d)
		}
	}
	without := map[v1.Hash]int{} // how many sources lack it
	for s, ds := range asked {
		l, _ := place.As[place.Lacker](s)
		gone, err := l.Lacks(ctx, ds)
		if err != nil {
			return nil, err
		}
		for _, d := range gone {
			without[d.Digest]++
		}
	}
	return slices.DeleteFunc(nodes, func(n node) bool { return without[n.d.Digest] < len(n.srcs) }), nil
}

// obtainAll returns how those of nodes came to be where b goes that are there, or
// were taken over from another sink. A planner is not asked: what it gets has to be whole.
func (b batch) obtainAll(ctx context.Context, nodes []node, batches []batch, o Options, mount mountFunc) (map[v1.Hash]string, error) {
	if _, ok := place.As[place.Planner](b.to); ok || len(nodes) == 0 {
		return nil, nil
	}
	others := map[v1.Hash][]place.Sink{} // that are to have the same
	for _, other := range batches {
		if other.to == b.to {
			continue
		}
		for _, n := range other.nodes() {
			others[n.d.Digest] = append(others[n.d.Digest], other.to)
		}
	}
	var mu sync.Mutex
	there := map[v1.Hash]string{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Requests())
	for _, n := range nodes {
		g.Go(func() error {
			how, err := obtain(gctx, b.to, n, others[n.d.Digest], mount)
			mu.Lock()
			defer mu.Unlock()
			there[n.d.Digest] = how
			return err
		})
	}
	return there, g.Wait()
}

// obtain returns how to has n: "present", or "mounted" from one of others; empty if
// it has not.
func obtain(ctx context.Context, to place.Sink, n node, others []place.Sink, mount mountFunc) (string, error) {
	if has, err := to.Has(ctx, n.d); err != nil {
		return "", err
	} else if has {
		return "present", nil
	}
	var elsewhere []place.Sink
	for _, s := range others {
		if _, plans := place.As[place.Planner](s); plans {
			continue
		}
		if has, err := s.Has(ctx, n.d); err != nil {
			return "", err
		} else if has {
			elsewhere = append(elsewhere, s)
		}
	}
	m, from := mountFrom(ctx, to, n, elsewhere)
	if from == nil {
		return "", nil
	}
	if mounted, err := mount(ctx, m, n.d, from); !mounted || err != nil {
		return "", err
	}
	return "mounted", nil
}

// A mountFunc has m take d over from another place, or says whether that can be expected.
type mountFunc func(ctx context.Context, m place.Mounter, d v1.Descriptor, from place.Source) (bool, error)

func mounted(ctx context.Context, m place.Mounter, d v1.Descriptor, from place.Source) (bool, error) {
	return m.Mount(ctx, d, from)
}

// mountable takes nothing over.
func mountable(ctx context.Context, m place.Mounter, d v1.Descriptor, from place.Source) (bool, error) {
	return m.Mountable(ctx, d, from), nil
}

// name says which images of b need nodes; of one that would be rebuilt, what it lacks
// for that.
func (b batch) name(ctx context.Context, nodes []node) ([]place.Lack, error) {
	lacking := map[v1.Hash][]place.Lack{}
	for _, n := range nodes {
		bases, err := n.lacksFor(ctx)
		if err != nil {
			return nil, err
		}
		for _, d := range bases {
			lacking[n.d.Digest] = append(lacking[n.d.Digest], place.Lack{Blob: d, For: n.d.Digest})
		}
		if len(bases) == 0 {
			lacking[n.d.Digest] = []place.Lack{{Blob: n.d}}
		}
	}
	var lacks []place.Lack
	for _, t := range b.trees {
		seen := map[v1.Hash]bool{}
		for _, n := range t.nodes {
			for _, l := range lacking[n.d.Digest] {
				if !seen[l.Blob.Digest] {
					seen[l.Blob.Digest] = true
					l.Image = t.name()
					lacks = append(lacks, l)
				}
			}
		}
	}
	return lacks, nil
}

// lacksFor returns what n would be rebuilt from, and its sources do not have.
func (n node) lacksFor(ctx context.Context) ([]v1.Descriptor, error) {
	for _, s := range n.srcs {
		r, ok := place.As[place.Rebuilder](s)
		if !ok {
			continue
		}
		if bases, err := r.LacksFor(ctx, n.d); err != nil || len(bases) > 0 {
			return bases, err
		}
	}
	return nil, nil
}

// name is how people know the image.
func (t *tree) name() string {
	switch full := t.origin.Annotations[place.AnnotationImageName]; {
	case full != "": // where it comes from
		return full
	case len(t.req.Names) > 0 && (t.req.Name == "" || strings.ContainsRune(t.req.Names[0], '/')):
		return t.req.Names[0]
	case t.req.Name != "":
		return t.req.Name
	}
	return t.root.Digest.String()
}
