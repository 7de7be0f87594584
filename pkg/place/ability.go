package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// The abilities below are optional. Ask with [As]. A place that offers one has
// it: whether a server plays along is said by an error, not by a missing method.

// A Ranger opens content at an offset.
type Ranger interface {
	// OpenRange is Open for length bytes of d from offset on; a negative length
	// means all the rest. The reader starts exactly at offset or there is an error.
	OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error)
}

// An Entry is one name at a place. Root is the zero Descriptor where finding it
// out would cost a request for each name.
type Entry struct {
	Name string
	Root v1.Descriptor
}

// A Lister lists the names of a place.
type Lister interface {
	// List calls visit for every name, in the place's own order, until visit fails.
	List(ctx context.Context, visit func(Entry) error) error
}

// A Mounter takes content over from a source without its bytes passing here.
type Mounter interface {
	// Mountable reports whether a Mount can be expected to succeed. It sends no request.
	Mountable(ctx context.Context, d v1.Descriptor, from Source) bool
	// Mount reports whether d now stands in the sink because it stood in from.
	// False with a nil error means that it has to be put.
	Mount(ctx context.Context, d v1.Descriptor, from Source) (bool, error)
}

// A Remover removes names. Content that no name reaches any more may stay.
type Remover interface {
	// Remove removes name. It returns ErrNotFound if there is none.
	Remove(ctx context.Context, name string) error
}

// A Tracer finds out why content is not what its digest says, once it was read and
// did not match.
type Tracer interface {
	// Trace returns what is wrong with what holds d, or nil if it cannot tell. It may
	// take as long as reading that.
	Trace(ctx context.Context, d v1.Descriptor) error
}

// Explain adds to err, which reading d of src returned, what the Tracer of src finds
// out, if it has one and the content was not what its digest says.
func Explain(ctx context.Context, src Source, d v1.Descriptor, err error) error {
	if !errors.Is(err, blob.ErrMismatch) {
		return err
	}
	t, ok := As[Tracer](src)
	if !ok {
		return err
	}
	if why := t.Trace(ctx, d); why != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// Verify is [blob.Verify] of rc, which src opened for d, and says more where it fails:
// see [Explain].
func Verify(ctx context.Context, src Source, rc io.ReadCloser, d v1.Descriptor) io.ReadCloser {
	return &explained{blob.Verify(rc, d), func(err error) error { return Explain(ctx, src, d, err) }}
}

type explained struct {
	io.ReadCloser
	explain func(error) error
}

func (r *explained) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	return n, r.explain(err)
}

// A Committer is a sink that commits many images in one step, for about the price of
// one.
type Committer interface {
	// CommitAll is Commit for each of roots, in their order. After an error none of
	// them was committed.
	CommitAll(ctx context.Context, roots []Root) error
}

// A Root is one image of a [Plan]: what will be committed, under which names.
type Root struct {
	Descriptor v1.Descriptor
	Names      []string
}

// A Plan is everything that a transfer is about to put and commit.
type Plan struct {
	Roots []Root
	// Blobs holds everything reachable, each digest once: manifests after what they name.
	Blobs []v1.Descriptor
	// Docs holds the bytes of every manifest and index in Blobs, and of every image config.
	Docs map[v1.Hash][]byte
	// Platform is the one to name first where only one can be named; may be nil.
	Platform *v1.Platform
	// Content opens what is in Blobs, for a sink that has to look at it before it is
	// put; nil where nobody can.
	Content func(d v1.Descriptor) blob.Opener
}

// A Planner is a sink that wants to know everything before the first Put: an
// archive lays out its offsets, and checks the free space.
type Planner interface {
	// Plan is called before any other method but Traits. It returns the
	// blobs that have to be put, in the order the sink wants them; whatever else
	// was in p it has, or got from p.Docs. With Traits().Puts == 1 Puts come in that order.
	//
	// It is called again, before any Commit and while no Put runs, if something
	// cannot be had: p then lacks the roots that need it, and what was put for the
	// others counts as far as the sink can keep it. A sink that cannot take anything
	// back returns ErrUnsupported.
	Plan(ctx context.Context, p Plan) ([]v1.Descriptor, error)
}

// A ChoiceError says that a name could mean several images.
type ChoiceError struct {
	Name    string   // what was asked for; may be empty
	Choices []string // what is there
}

func (e *ChoiceError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("there are %d images", len(e.Choices))
	}
	return fmt.Sprintf("%.200q could be any of %d images", e.Name, len(e.Choices))
}

// Hint lists the first choices.
func (e *ChoiceError) Hint() string {
	const most = 10
	names := make([]string, 0, most)
	for _, c := range e.Choices[:min(most, len(e.Choices))] {
		names = append(names, fmt.Sprintf("%.200q", c))
	}
	more := ""
	if n := len(e.Choices) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return "name one of " + strings.Join(names, ", ") + more
}

// OpenRange opens length bytes of d from offset on, with the Ranger of src if
// it has one, else by reading and dropping what comes before.
func OpenRange(ctx context.Context, src Source, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if r, ok := As[Ranger](src); ok && (offset > 0 || length >= 0) {
		return r.OpenRange(ctx, d, offset, length)
	}
	rc, err := src.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := blob.Discard(rc, offset); err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	if length < 0 {
		return rc, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(rc, length), rc}, nil
}

// Opener returns what opens d at src.
func Opener(src Source, d v1.Descriptor) blob.Opener {
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return OpenRange(ctx, src, d, offset, length)
	}
}

// ReadManifest reads, verifies and parses the manifest or index d of src.
func ReadManifest(ctx context.Context, src Source, d v1.Descriptor) (*manifest.Doc, error) {
	raw, err := blob.ReadAll(ctx, Opener(src, d), d, manifest.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", d.Digest, Explain(ctx, src, d, err))
	}
	doc, err := manifest.Parse(d, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return doc, nil
}

// ReadConfig reads, verifies and parses the image config d of src, and returns its bytes too.
func ReadConfig(ctx context.Context, src Source, d v1.Descriptor) (*v1.ConfigFile, []byte, error) {
	raw, err := blob.ReadAll(ctx, Opener(src, d), d, manifest.MaxConfigBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("reading config %s: %w", d.Digest, Explain(ctx, src, d, err))
	}
	c, err := manifest.ParseConfig(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", d.Digest, ErrInvalid, err)
	}
	return c, raw, nil
}
