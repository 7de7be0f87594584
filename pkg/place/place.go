// Package place is the contract between where images lie and what is done with
// them. A place is a registry repository, a layout, an archive, a store, an
// engine: anything that can be read through [Source], written through [Sink],
// or both.
//
// The common tongue is a descriptor and its bytes. Digests therefore survive
// every way, and an artifact that is no image travels like one that is.
package place

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
)

// A Source is where content is read from. All methods but Close are safe for
// concurrent use.
type Source interface {
	// Resolve returns the descriptor that name stands for: MediaType, Size and
	// Digest are set. What a name looks like is the place's own matter; the empty
	// name means the only image there is, and if there are several the error is a
	// *ChoiceError. It returns ErrNotFound if there is no such name. No layer is read.
	Resolve(ctx context.Context, name string) (v1.Descriptor, error)

	// Open returns the bytes of d from the start, unverified: whoever trusts them
	// reads them through blob.Verify. Manifests and other content are opened alike.
	// It returns ErrNotFound if d is not there. The caller closes the reader.
	Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)

	// Close releases what the source holds. Readers must be closed before.
	Close() error
}

// A Sink is where content is written to. Nothing shows under a name until
// Commit. Has and Put are safe for concurrent use, up to Traits().Puts at once.
type Sink interface {
	// Traits says what the sink can take. It never changes.
	Traits() Traits

	// Has reports whether the sink holds d already, verified when it came. It
	// costs at most one request, and false with a nil error is always allowed.
	Has(ctx context.Context, d v1.Descriptor) (bool, error)

	// Put stores the content of d that open opens. It returns nil only if the
	// stored bytes have the size and digest of d, which the sink itself sees to;
	// an error that wraps blob.ErrMismatch says that they did not. A Put of what is
	// there already is a success. After an error nothing stands under d, but a
	// sink may keep what it got and go on from there, through open's offset, in the
	// next Put of the same digest, also in a later run.
	//
	// Children are put before the manifests that name them.
	Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error

	// Commit makes root, which has been put with everything below it, stand under
	// names; with no names, under its digest alone. Annotations of root are kept
	// where the sink has room for them. When it returns nil, readers see it.
	Commit(ctx context.Context, root v1.Descriptor, names ...string) error

	// Close ends the work and releases what the sink holds. What was not committed
	// does not show. Its error must be looked at.
	Close() error
}

// Traits say what a sink can take.
type Traits struct {
	Kind     string // what to call it in a message: "registry", "docker-archive", …
	NoIndex  bool   // takes single images only
	Rewrites bool   // does not keep manifests byte for byte, so that digests change
	Sparse   bool   // takes an index some of whose children are not put
	Puts     int    // how many Puts may run at once; 0 means any number
	// Referrers: it keeps roots with [AnnotationSubject], so that they are found from their subject.
	Referrers bool
}

// Errors that sources and sinks wrap, and that decide how dray exits.
var (
	// ErrNotFound: there is no such name or content.
	ErrNotFound = errors.New("not found")
	// ErrDenied: the place wants other credentials, or allows this to nobody.
	ErrDenied = errors.New("not allowed")
	// ErrUnavailable: the place could not be reached, or cannot answer now.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalid: what is there breaks the specification, or a bound on hostile input.
	ErrInvalid = errors.New("not valid")
	// ErrUnsupported: the place cannot do what was asked, whatever is there.
	ErrUnsupported = errors.New("not supported")
)

// Unwrapper is implemented by sources and sinks that wrap another.
type Unwrapper[T any] interface{ Unwrap() T }

// As finds the ability A in s or in what s wraps, outermost first. A wrapper
// that changes what an ability does implements the ability itself.
func As[A any, T any](s T) (A, bool) {
	for {
		if a, ok := any(s).(A); ok {
			return a, true
		}
		u, ok := any(s).(Unwrapper[T])
		if !ok {
			var none A
			return none, false
		}
		s = u.Unwrap()
	}
}
