package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// Bounds on what is held of one repository. The largest ones have some 50,000 tags.
const (
	maxTags     = 500_000
	maxChildren = 1_000_000
)

// A Need is content that an index needs which some tag stands for: removing it, as
// clean-up scripts do with what has no tag itself, breaks that tag.
type Need struct {
	Digest    string   `json:"digest"`
	MediaType string   `json:"mediaType"`
	Size      int64    `json:"size"`
	Platform  string   `json:"platform,omitempty"`
	Role      string   `json:"role"`   // platform, attestation, index or other
	NeededBy  []string `json:"needed"` // tags, sorted
	Lost      bool     `json:"lost"`   // it is not there any more
}

// Needs is what the tags of a repository need.
type Needs struct {
	Reference string   `json:"reference"`
	Tags      int      `json:"tags"`     // that were looked at
	Indexes   int      `json:"indexes"`  // of them, those that stand for an index
	Children  []Need   `json:"children"` // sorted by digest
	Lost      int      `json:"lost"`     // how many of Children are lost
	LostTags  []string `json:"lostTags"` // tags that stand for nothing any more, sorted
}

// Children finds out what the tags of src need: all names that it lists, or only those
// in names. It only reads. The manifests of children are read to know whether they are
// there, each once; layers are not looked at.
func Children(ctx context.Context, src place.Source, names []string, o Options) (*Needs, error) {
	if names == nil {
		var err error
		if names, err = list(ctx, src); err != nil {
			return nil, err
		}
	}
	s := &sweep{src: src, children: map[v1.Hash]*child{}, needs: Needs{Reference: o.Reference, Tags: len(names), LostTags: []string{}}}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentJobs)
	for _, name := range names {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return s.tag(gctx, name) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return s.result(), nil
}

func list(ctx context.Context, src place.Source) ([]string, error) {
	l, ok := place.As[place.Lister](src)
	if !ok {
		return nil, fmt.Errorf("listing names: %w", place.ErrUnsupported)
	}
	names := []string{}
	err := l.List(ctx, func(e place.Entry) error {
		if len(names) == maxTags {
			return fmt.Errorf("more than %d names: %w", maxTags, place.ErrInvalid)
		}
		names = append(names, e.Name)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing names: %w", err)
	}
	return names, nil
}

// A sweep goes through all tags at once.
type sweep struct {
	src      place.Source
	mu       sync.Mutex
	needs    Needs
	children map[v1.Hash]*child
}

// A child is read once, by whoever comes first.
type child struct {
	need Need
	once sync.Once
	doc  *manifest.Doc // nil if it is lost, or no index
	err  error
}

func (s *sweep) tag(ctx context.Context, name string) error {
	root, err := s.src.Resolve(ctx, name)
	var doc *manifest.Doc
	if err == nil {
		doc, err = place.ReadManifest(ctx, s.src, root)
	}
	switch {
	case errors.Is(err, place.ErrNotFound):
		s.mu.Lock()
		s.needs.LostTags = append(s.needs.LostTags, name)
		s.mu.Unlock()
		return nil
	case err != nil:
		return fmt.Errorf("reading %.200q: %w", name, err)
	case doc.Index == nil:
		return nil
	}
	s.mu.Lock()
	s.needs.Indexes++
	s.mu.Unlock()
	t := &tagWalk{sweep: s, name: name, seen: map[v1.Hash]bool{}}
	return t.index(ctx, doc, 0)
}

// A tagWalk is the way down from one tag.
type tagWalk struct {
	*sweep
	name string
	seen map[v1.Hash]bool
}

func (t *tagWalk) index(ctx context.Context, doc *manifest.Doc, depth int) error {
	if depth > manifest.MaxNesting {
		return fmt.Errorf("reading %.200q: indexes nested deeper than %d: %w", t.name, manifest.MaxNesting, place.ErrInvalid)
	}
	for _, d := range doc.Index.Manifests {
		if t.seen[d.Digest] {
			continue
		}
		t.seen[d.Digest] = true
		c, err := t.child(t.name, d)
		if err != nil {
			return err
		}
		c.once.Do(func() { c.err = t.read(ctx, c, d) })
		if c.err != nil {
			return c.err
		}
		if c.doc != nil {
			if err := t.index(ctx, c.doc, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// child notes that name needs d.
func (s *sweep) child(name string, d v1.Descriptor) (*child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.children[d.Digest]
	if !ok {
		if len(s.children) == maxChildren {
			return nil, fmt.Errorf("more than %d children: %w", maxChildren, place.ErrInvalid)
		}
		c = &child{need: Need{Digest: d.Digest.String(), MediaType: string(d.MediaType), Size: d.Size, Role: role(d)}}
		if c.need.Role == "platform" && d.Platform != nil {
			c.need.Platform = arch.FromV1(d.Platform).String()
		}
		s.children[d.Digest] = c
	}
	c.need.NeededBy = append(c.need.NeededBy, name)
	return c, nil
}

func role(d v1.Descriptor) string {
	switch {
	case isCompanion(d):
		return "attestation"
	case d.MediaType.IsIndex():
		return "index"
	case d.MediaType.IsImage():
		return "platform"
	}
	return "other"
}

// read finds out whether c is there. What is there but broken is not lost: removing it
// is somebody else's decision.
func (s *sweep) read(ctx context.Context, c *child, d v1.Descriptor) error {
	if !manifest.Is(d.MediaType) {
		err := last(ctx, s.src, d)
		c.need.Lost = errors.Is(err, place.ErrNotFound)
		if _, isFault := faultOf(d, err); err != nil && !isFault {
			return fmt.Errorf("asking for %s: %w", d.Digest, err)
		}
		return nil
	}
	content, err := fetchDoc(ctx, s.src, d)
	if err != nil {
		return err
	}
	c.need.Lost = slices.ContainsFunc(content.faults, func(f Finding) bool { return f.Kind == KindMissing })
	if content.doc != nil && content.doc.Index != nil {
		c.doc = content.doc
	}
	return nil
}

func (s *sweep) result() *Needs {
	s.needs.Children = make([]Need, 0, len(s.children))
	for _, c := range s.children {
		slices.Sort(c.need.NeededBy)
		c.need.NeededBy = slices.Compact(c.need.NeededBy)
		if c.need.Lost {
			s.needs.Lost++
		}
		s.needs.Children = append(s.needs.Children, c.need)
	}
	slices.SortFunc(s.needs.Children, func(a, b Need) int { return strings.Compare(a.Digest, b.Digest) })
	slices.Sort(s.needs.LostTags)
	return &s.needs
}
