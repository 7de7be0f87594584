package transfer

import (
	"context"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A plan is all requests of one transfer together, each digest once.
type plan struct {
	results []Result
	blobs   []node
	missing []v1.Descriptor // foreign layers that no source holds
}

func newPlan(ctx context.Context, dst place.Sink, reqs []Request, o Options) (*plan, error) {
	trees, err := resolveAll(ctx, dst, reqs, o)
	if err != nil {
		return nil, err
	}
	if err := checkNames(trees); err != nil {
		return nil, err
	}
	p, seen := &plan{}, map[v1.Hash]bool{}
	var total int64
	for _, t := range trees {
		p.results = append(p.results, t.result())
		p.missing = append(p.missing, t.missing...)
		for _, n := range t.nodes {
			if !seen[n.d.Digest] {
				seen[n.d.Digest] = true
				p.blobs = append(p.blobs, n)
				total += n.d.Size
			}
		}
	}
	o.Events.Emit(event.Event{Kind: event.Plan, Total: total, Count: len(p.blobs)})
	return p, nil
}

// checkNames refuses two images under one name.
func checkNames(trees []*tree) error {
	roots := map[string]v1.Hash{}
	for _, t := range trees {
		for _, name := range t.req.Names {
			if other, ok := roots[name]; ok && other != t.root.Digest {
				return &NameError{name, other, t.root.Digest}
			}
			roots[name] = t.root.Digest
		}
	}
	return nil
}

// tellRest reports what a planner did not want: documents it has taken already
// from the plan, and content that it has.
func (p *plan) tellRest(wanted []v1.Descriptor, events event.Handler) {
	put := make(map[v1.Hash]bool, len(wanted))
	for _, d := range wanted {
		put[d.Digest] = true
	}
	for _, n := range p.blobs {
		switch {
		case put[n.d.Digest]:
		case n.raw == nil || len(wanted) == 0:
			events.Emit(event.Event{Kind: event.Skip, Blob: n.d, Text: "present"})
		default:
			events.Emit(event.Event{Kind: event.Start, Blob: n.d})
			events.Emit(event.Event{Kind: event.Bytes, Blob: n.d, N: n.d.Size})
			events.Emit(event.Event{Kind: event.Done, Blob: n.d})
		}
	}
}

// forSink is what a planner is told.
func (p *plan) forSink(o Options) place.Plan {
	first := o.First
	if first.OS == "" {
		first = o.Host
	}
	out := place.Plan{Docs: map[v1.Hash][]byte{}}
	if first.OS != "" {
		platform := first.ToV1()
		out.Platform = &platform
	}
	for _, r := range p.results {
		out.Roots = append(out.Roots, place.Root{Descriptor: r.Root, Names: r.Names})
	}
	for _, n := range p.blobs {
		out.Blobs = append(out.Blobs, n.d)
		if n.raw != nil {
			out.Docs[n.d.Digest] = n.raw
		}
	}
	return out
}

// only returns the nodes of wanted, in that order.
func (p *plan) only(wanted []v1.Descriptor) []node {
	byDigest := make(map[v1.Hash]node, len(p.blobs))
	for _, n := range p.blobs {
		byDigest[n.d.Digest] = n
	}
	nodes := make([]node, 0, len(wanted))
	for _, d := range wanted {
		if n, ok := byDigest[d.Digest]; ok {
			nodes = append(nodes, n)
		}
	}
	return nodes
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
