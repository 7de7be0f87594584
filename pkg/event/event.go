// Package event is what the library reports while it works: plain values that
// a caller may draw, log, count or ignore. The library itself prints nothing.
package event

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Kind says what an [Event] reports, and which of its fields are set.
type Kind string

const (
	// Plan says how much there may be to do: Total bytes in Count blobs. Text is what
	// is done to them, in the past tense, if they are not moved: "checked".
	Plan Kind = "plan"
	// Start says that Blob begins to move; its size is Blob.Size bytes.
	Start Kind = "start"
	// Bytes says that N more bytes of Blob were read from their place. N is
	// negative when bytes counted before have to be read again.
	Bytes Kind = "bytes"
	// Resume says that N bytes of Blob were there from an earlier run and are not read again.
	Resume Kind = "resume"
	// Done says that Blob stands, verified, at the destination.
	Done Kind = "done"
	// Skip says that Blob needed no transfer; Text says why: "present" or "mounted".
	Skip Kind = "skip"
	// Commit says that Name now stands for Blob at the destination.
	Commit Kind = "commit"
	// Referrers says that of Total manifests that belong to the image Name (signatures,
	// SBOMs, attestations) Count stand at the destination with it.
	Referrers Kind = "referrers"
	// Retry says that something failed with Err and is tried again after Wait.
	Retry Kind = "retry"
	// Request is one HTTP exchange: Text is "METHOD URL STATUS", without query
	// values or credentials; Wait is how long the answer took.
	Request Kind = "request"
	// Quota says that the registry Name answers N more requests of the kind that it
	// counts, of Total (0: not said), and more again after Wait at most (0: not said).
	Quota Kind = "quota"
	// Work says that N of Total bytes are done of what Text says, which moves no blob, to Blob if that is set:
	// "summing parts", "rebuilding". It ends when N is Total.
	Work Kind = "work"
	// Note is something worth knowing that is no fault: Text, and Hint if there is a next step.
	Note Kind = "note"
	// Warn is something that may be wrong but does not stop the work: Text or Err, and Hint.
	Warn Kind = "warn"
	// Lost says that something that was named, Name, was left out, so that the work
	// is done but not whole: Text or Err says what and why, as in Warn, and Hint.
	Lost Kind = "lost"
)

// An Event is one thing that happened. Strings in it may come from outside and
// are not safe to print unquoted. Err never holds a credential.
type Event struct {
	Kind  Kind
	Blob  v1.Descriptor
	Name  string
	N     int64
	Total int64
	Count int
	Text  string
	Hint  string
	Wait  time.Duration
	Err   error
}

// A Handler takes events. It may be called from many goroutines at once and
// must return quickly. A nil Handler discards.
type Handler func(Event)

// Emit hands e to h, if there is one.
func (h Handler) Emit(e Event) {
	if h != nil {
		h(e)
	}
}
