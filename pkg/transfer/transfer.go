// Package transfer copies images from any place to any place. It knows nothing
// of the places but their contract.
package transfer

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Request is one image that is to be copied.
type Request struct {
	Source place.Source  // stays the caller's to close
	Name   string        // what to resolve at Source, if Root is zero
	Root   v1.Descriptor // what to copy
	From   string        // its full name at Source, if it has one
	To     place.Sink    // where to, if not where the others go; stays the caller's to close
	Names  []string      // under which it will stand at the destination
	Digest v1.Hash       // what it must be there, or nothing is written; zero: anything
	// Platforms are those to copy of this image; none means those of the Options.
	Platforms arch.Selection
	// Essential says that without it nothing is written to a planner, such as an archive
	// that replaces an older one, even with [Options].KeepGoing.
	Essential bool
}

// Options say how to copy. The zero value copies all platforms, four blobs at once.
type Options struct {
	// Platforms are those to copy; none means all of them, or with Host the host's.
	Platforms arch.Selection
	// HostByDefault makes no Platforms mean the platform Host where there are several.
	HostByDefault bool
	// Host is what "local" means, and what a sink gets that takes no index.
	Host arch.Platform
	// First is the platform named first where only one can be named, and must then be
	// there; zero means Host, or else another.
	First arch.Platform
	// Sparse keeps the bytes of an index though only some of its platforms are copied.
	Sparse bool
	// NoReferrers leaves behind what belongs to an image: signatures, SBOMs, attestations.
	NoReferrers bool
	// KeepGoing leaves out a request that fails, and copies the others; see [Request].
	KeepGoing bool
	// Jobs is how many blobs move at once; 0 means 4. Of small ones, of up to 512 KiB, it is
	// four times as many, unless it is 1.
	Jobs   int
	Events event.Handler
}

func (o Options) jobs() int {
	if o.Jobs <= 0 {
		return 4
	}
	return o.Jobs
}

// Of what is small, the way there and back takes longer than the bytes, so that more of
// it is on its way at once.
const (
	smallBytes = 512 << 10
	smallTimes = 4
)

// Requests is how many blobs are on their way at once, those that are small included.
func (o Options) Requests() int {
	if o.jobs() == 1 {
		return 1 // whoever says so means it
	}
	return smallTimes * o.jobs()
}

// A Result is one image that was copied, or with [Options].KeepGoing could not be.
type Result struct {
	Origin v1.Descriptor   // what the name stood for at the source
	Root   v1.Descriptor   // what stands at the destination
	Raw    []byte          // the bytes of Root
	Blobs  []v1.Descriptor // everything below Root and Referrers that stands there, and these
	Names  []string
	// Referrers belong to the image or to each other, and stand at the destination too.
	Referrers []v1.Descriptor
	// Platforms are those that were taken of an index of more; nil if none was left.
	Platforms []arch.Platform
	Missing   []v1.Descriptor // foreign layers that the source does not hold
	Err       error           // why it was not copied; Root and what follows may then be unset
}

// Bytes is the size of all that the image is made of, each digest once.
func (r Result) Bytes() int64 {
	var n int64
	for _, d := range r.Blobs {
		n += d.Size
	}
	return n
}

// An IncompleteError says that everything was copied but the layers in Missing,
// which the source does not hold because it need not: they are foreign.
type IncompleteError struct{ Missing []v1.Descriptor }

func (e *IncompleteError) Error() string {
	d := e.Missing[0]
	return fmt.Sprintf("%d foreign layers were not copied, the first is %s from %.200q", len(e.Missing), d.Digest, d.URLs)
}

// A NameError says that two different images would stand under one name.
type NameError struct {
	Name string
	A, B v1.Hash
}

func (e *NameError) Error() string {
	return fmt.Sprintf("two images would stand under %.300q: %s and %s", e.Name, e.A, e.B)
}

// Hint says how to keep both.
func (e *NameError) Hint() string { return "give one of them another name, or write them one by one" }

// A FailedError says that not all requests could be copied. It wraps what befell each.
type FailedError struct {
	Errs []error // of those that failed
	Of   int     // requests in all
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%d of %d images failed, the first: %s", len(e.Errs), e.Of, e.Errs[0])
}

func (e *FailedError) Unwrap() []error { return e.Errs }

// Copy copies all of reqs, each to its own sink or else to dst, which may be nil
// if all have one. Sinks stay the caller's to close, and must be comparable. Each
// image is committed as its request says, in the order of reqs, as soon as all of
// it is there; what a place.Planner gets is committed when everything is.
//
// What belongs to an image (see [place.Referrer]) is carried and committed with it, and
// what belongs to that, unless o.NoReferrers is set or the sink keeps no such thing,
// which is then told as an event.Note. What cannot be carried is a [*ReferrerError].
//
// What several images share is moved once, and to a second sink mounted if that
// can be. Results come in the order of reqs. After an error nothing new stands
// under a name that was not committed before it; running the same again goes on
// where it stopped. The error may be an [*IncompleteError], and with
// o.KeepGoing a [*FailedError]: then the results say which.
//
// Of sources that may lack content ([place.Lacker]) everything that neither they nor
// the destination have is found before anything is written, and is a
// [*place.LackError], also with o.KeepGoing.
func Copy(ctx context.Context, dst place.Sink, reqs []Request, o Options) ([]Result, error) {
	f := newFinder(ctx, o)
	defer f.close()
	p, err := newPlan(ctx, dst, reqs, o, f)
	if err != nil {
		return nil, err
	}
	if err := p.checkThere(ctx, o, mounted); err != nil {
		return nil, err
	}
	o.Events.Emit(p.size())
	if err := newCopier(p, o).run(ctx); err != nil {
		return nil, err
	}
	p.tellLeft(ctx, o)
	results := p.results()
	return results, errorOf(results)
}

// errorOf is what results come to.
func errorOf(results []Result) error {
	var failed []error
	var missing []v1.Descriptor
	for _, r := range results {
		missing = append(missing, r.Missing...)
		if r.Err != nil {
			failed = append(failed, r.Err)
		}
	}
	switch {
	case len(failed) > 0:
		return &FailedError{failed, len(results)}
	case len(missing) > 0:
		return &IncompleteError{missing}
	}
	return nil
}
