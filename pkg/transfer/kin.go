package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// maxKinDepth is how far what belongs to an image may be from it: a signature of an
// SBOM of an image is two away.
const maxKinDepth = 8

// A ReferrerError says that something that belongs to an image cannot be carried with it.
type ReferrerError struct {
	Referrer v1.Hash // zero if even that is not known
	Subject  string  // the digest of what it belongs to
	Err      error
}

func newReferrerError(root v1.Descriptor, err error) error {
	return &ReferrerError{root.Digest, root.Annotations[place.AnnotationSubject], err}
}

func (e *ReferrerError) Error() string {
	if e.Referrer.Hex == "" {
		return fmt.Sprintf("finding what belongs to %s: %v", e.Subject, e.Err)
	}
	return fmt.Sprintf("carrying %s, which belongs to %s: %v", e.Referrer, e.Subject, e.Err)
}

// Unwrap hides that something was not found: that was not what was asked for.
func (e *ReferrerError) Unwrap() error {
	if errors.Is(e.Err, place.ErrNotFound) {
		return nil
	}
	return e.Err
}

// Hint says how to do without.
func (e *ReferrerError) Hint() string {
	var inner interface{ Hint() string }
	if errors.As(e.Err, &inner) && inner.Hint() != "" {
		return inner.Hint()
	}
	return "--no-referrers copies the image without its signatures, SBOMs and attestations"
}

// attach adds what belongs to t, once all answers are there.
func (t *tree) attach(ctx context.Context) error {
	r := t.relatives
	if r == nil || r.settled || !t.req.To.Traits().Referrers {
		return nil
	}
	r.settled = true
	b := r.builder
	listed := 0
	for i := 0; i < len(r.carried); i++ { // it grows: what is found is asked about itself
		k := r.carried[i]
		list, err := k.wait(ctx)
		if err != nil {
			return &ReferrerError{Subject: k.subject.String(), Err: err}
		}
		if listed += len(list); listed > manifest.MaxChildren {
			return &ReferrerError{Subject: k.subject.String(), Err: fmt.Errorf("more than %d of them: %w", manifest.MaxChildren, place.ErrInvalid)}
		}
		for _, d := range list {
			if err := b.carry(ctx, k, d); err != nil {
				return newReferrerError(d, err)
			}
		}
	}
	return nil
}

// carry adds d, which belongs to k, with everything below it.
func (b *builder) carry(ctx context.Context, k kinship, d v1.Descriptor) error {
	if k.depth >= maxKinDepth {
		return fmt.Errorf("it is more than %d manifests away from the image: %w", maxKinDepth, place.ErrInvalid)
	}
	if !manifest.Is(d.MediaType) {
		return fmt.Errorf("it is %q: %w", d.MediaType, place.ErrUnsupported)
	}
	_, there := b.level[d.Digest]
	d.ArtifactType = "" // what a list says of it need not be so
	if !there {
		doc, err := place.ReadManifest(ctx, b.req.Source, bare(d))
		if err != nil {
			return err
		}
		b.next, d.ArtifactType = doc, doc.AsReferrer().ArtifactType
		if s := doc.Subject(); s != nil {
			b.subject[d.Digest] = s.Digest
		}
	}
	tag := d.Annotations[place.AnnotationRefName]
	if tag == "" && b.subject[d.Digest] != k.subject {
		b.o.Events.Emit(event.Event{Kind: event.Warn, Name: b.req.Name, Text: fmt.Sprintf("%s is left out: it is said to belong to %s, but does not", d.Digest, k.subject)})
		return nil
	}
	b.follower, b.relatives.depth = d, k.depth+1
	level, err := b.visit(ctx, bare(d), 0)
	if err != nil {
		return err
	}
	if above := b.level[k.subject] + 1; !there && level < above { // it is put after what it belongs to
		b.nodes[len(b.nodes)-1].level, b.level[d.Digest] = above, above
	}
	b.kin = append(b.kin, place.Root{Descriptor: d, Names: kinNames(b.req.Names, d.Digest, tag)})
	return nil
}

// bare is d without what others say of it.
func bare(d v1.Descriptor) v1.Descriptor {
	return v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}
}

// kinNames returns the names of what belongs to an image that will stand under names:
// the tag that says what it belongs to, or its digest, each in the repositories of
// these. There are none where a digest without a repository would be one.
func kinNames(names []string, h v1.Hash, tag string) []string {
	var all []string
	for _, name := range names {
		n, err := ref.ParseName(name)
		switch full := err == nil && strings.ContainsRune(name, '/'); {
		case full && tag != "":
			all = append(all, n.Base().WithTag(tag).String())
		case full:
			all = append(all, n.Base().String()+"@"+h.String())
		case tag != "":
			all = append(all, tag)
		}
	}
	if len(all) == 0 && tag != "" {
		all = []string{tag}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tellLeft notes what belongs to images but stays behind: all of it where the sink
// keeps none, else what belongs to an index of which only a part was taken. What
// cannot be found out here was not to be carried.
func (p *plan) tellLeft(ctx context.Context, o Options) {
	for _, b := range p.batches() {
		left := 0
		for _, t := range b.trees {
			if b.to.Traits().Referrers {
				t.tellOrigin(ctx, o)
			} else if n := t.relatives.count(ctx); n > 0 {
				o.Events.Emit(event.Event{Kind: event.Referrers, Name: t.req.Name, Blob: t.root, Total: int64(n)})
				left += n
			}
		}
		if left > 0 {
			o.Events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf(
				"signatures, SBOMs and attestations stay behind, %d in all: %s keeps none", left, b.to.Traits().Kind)})
		}
	}
}

// count returns how much was found, not counting what belongs to that.
func (r *relatives) count(ctx context.Context) int {
	if r == nil {
		return 0
	}
	n := 0
	for _, a := range r.answers {
		list, _ := a.wait(ctx)
		n += len(list)
	}
	return n
}

// tellOrigin notes what belongs to the index that t was taken from.
func (t *tree) tellOrigin(ctx context.Context, o Options) {
	if t.relatives == nil || t.origin.Digest == t.root.Digest {
		return
	}
	list, _ := t.relatives.ask(t.origin).wait(ctx)
	if len(list) == 0 {
		return
	}
	text := fmt.Sprintf("what belongs to %s itself, %d in all, stays behind: only a part of it is carried", t.origin.Digest, len(list))
	if t.req.Name != "" {
		text = t.req.Name + ": " + text
	}
	o.Events.Emit(event.Event{Kind: event.Note, Name: t.req.Name, Text: text, Hint: "--platform all takes them along"})
}
