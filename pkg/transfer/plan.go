package transfer

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A plan is all requests of one transfer, each with what it is made of.
type plan struct {
	trees []*tree
	there map[place.Sink]map[v1.Hash]string // what no source has but the sink, and how it came there
}

func newPlan(ctx context.Context, dst place.Sink, reqs []Request, o Options, f *finder) (*plan, error) {
	trees, err := resolveAll(ctx, dst, reqs, o, f)
	if err != nil {
		return nil, err
	}
	return &plan{trees, map[place.Sink]map[v1.Hash]string{}}, checkNames(trees)
}

// resolveAll makes a tree of every request, several at once. With o.KeepGoing a
// tree may hold nothing but an error.
func resolveAll(ctx context.Context, dst place.Sink, reqs []Request, o Options, f *finder) ([]*tree, error) {
	trees, docs := make([]*tree, len(reqs)), new(atomic.Int64)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Requests())
	for i, r := range reqs {
		if r.To == nil {
			r.To = dst
		}
		g.Go(func() error {
			t, err := newTree(gctx, r, o, docs, f)
			if err != nil && o.KeepGoing && gctx.Err() == nil {
				t = &tree{req: r}
				t.fail(err, o.Events)
				err = nil
			}
			trees[i] = t
			return err
		})
	}
	err := g.Wait()
	if err == nil && len(reqs) == 0 {
		err = errors.New("there is nothing to copy")
	}
	return trees, err
}

// checkNames refuses two images under one name.
func checkNames(trees []*tree) error {
	type key struct {
		to   place.Sink
		name string
	}
	roots := map[key]v1.Hash{}
	for _, t := range trees {
		for _, name := range t.req.Names {
			k := key{t.req.To, name}
			if other, ok := roots[k]; ok && t.err == nil && other != t.root.Digest {
				return &NameError{name, other, t.root.Digest}
			}
			if t.err == nil {
				roots[k] = t.root.Digest
			}
		}
	}
	return nil
}

func (p *plan) results() []Result {
	results := make([]Result, 0, len(p.trees))
	for _, t := range p.trees {
		results = append(results, t.result())
	}
	return results
}

// A batch is the trees of a plan that go to one sink.
type batch struct {
	to    place.Sink
	trees []*tree
}

// batches returns the trees that have not failed, by their sinks.
func (p *plan) batches() []batch {
	var all []batch
	at := map[place.Sink]int{}
	for _, t := range p.trees {
		if t.err != nil {
			continue
		}
		i, ok := at[t.req.To]
		if !ok {
			i = len(all)
			at[t.req.To] = i
			all = append(all, batch{to: t.req.To})
		}
		all[i].trees = append(all[i].trees, t)
	}
	return all
}

// size is what is to be moved at most.
func (p *plan) size() event.Event {
	e := event.Event{Kind: event.Plan}
	for _, b := range p.batches() {
		for _, n := range b.nodes() {
			e.Count++
			e.Total += n.d.Size
		}
	}
	return e
}

// nodes returns what the trees of b are made of, each digest once, children
// before their parents. Content that several trees have can be had from each.
func (b batch) nodes() []node {
	var nodes []node
	at := map[v1.Hash]int{}
	for _, t := range b.trees {
		for _, n := range t.nodes {
			if i, ok := at[n.d.Digest]; !ok {
				at[n.d.Digest] = len(nodes)
				nodes = append(nodes, n)
			} else if src := n.srcs[0]; !slices.Contains(nodes[i].srcs, src) {
				nodes[i].srcs = append(slices.Clip(nodes[i].srcs), src)
			}
		}
	}
	return nodes
}

// forSink is what a planner is told.
func (b batch) forSink(o Options) place.Plan {
	first := o.First
	if first.OS == "" {
		first = o.Host
	}
	out := place.Plan{Docs: map[v1.Hash][]byte{}}
	if first.OS != "" {
		platform := first.ToV1()
		out.Platform = &platform
	}
	for _, t := range b.trees {
		out.Roots = append(append(out.Roots, t.kin...), place.Root{Descriptor: t.root, Names: t.req.Names})
	}
	open := map[v1.Hash]blob.Opener{}
	out.Content = func(d v1.Descriptor) blob.Opener { return open[d.Digest] }
	for _, n := range b.nodes() {
		open[n.d.Digest] = n.opener(n.srcs[0])
		out.Blobs = append(out.Blobs, n.d)
		if n.raw != nil {
			out.Docs[n.d.Digest] = n.raw
		}
	}
	return out
}

// only returns the nodes of wanted, in that order.
func only(nodes []node, wanted []v1.Descriptor) []node {
	byDigest := make(map[v1.Hash]node, len(nodes))
	for _, n := range nodes {
		byDigest[n.d.Digest] = n
	}
	out := make([]node, 0, len(wanted))
	for _, d := range wanted {
		if n, ok := byDigest[d.Digest]; ok {
			out = append(out, n)
		}
	}
	return out
}

// byLevel parts nodes by what has to stand before what. Within the first level
// the largest come first, so that none is left over at the end.
func byLevel(nodes []node) [][]node {
	var levels [][]node
	for _, n := range nodes {
		for len(levels) <= n.level {
			levels = append(levels, nil)
		}
		levels[n.level] = append(levels[n.level], n)
	}
	if len(levels) > 0 {
		slices.SortStableFunc(levels[0], func(a, b node) int { return int(min(1, max(-1, b.d.Size-a.d.Size))) })
	}
	return levels
}
