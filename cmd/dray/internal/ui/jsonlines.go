package ui

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// A Message is one line of --progress json. The keys stay; more may come.
type Message struct {
	// Event is plan, start, bytes, resume, done, skip, commit, referrers, retry, request and
	// quota (with -v), work, note, warn, lost, and at the end summary and, if it failed, error.
	Event string    `json:"event"`
	Time  time.Time `json:"time"`

	Digest    string `json:"digest,omitempty"`    // of the blob
	MediaType string `json:"mediaType,omitempty"` // of the blob
	Size      int64  `json:"size,omitempty"`      // of the blob, bytes
	Name      string `json:"name,omitempty"`      // commit: what stands for the blob now; referrers: the image

	Bytes int64 `json:"bytes,omitempty"` // bytes, done: of the blob so far; resume: found from an earlier run; work: done
	Total int64 `json:"total,omitempty"` // plan, work: bytes; quota: requests; referrers: that belong to Name
	Count int   `json:"count,omitempty"` // plan: blobs; quota: requests left; referrers: that came with it

	Text  string  `json:"text,omitempty"`
	Hint  string  `json:"hint,omitempty"`
	Error string  `json:"error,omitempty"`
	Wait  float64 `json:"wait,omitempty"` // retry, request, quota: seconds

	Summary *Summary `json:"summary,omitempty"`
}

// A Summary is the last line of a transfer; sizes are bytes.
type Summary struct {
	Moved        int64          `json:"moved"`
	MovedBlobs   int            `json:"movedBlobs"`
	Skipped      int64          `json:"skipped"`
	SkippedBlobs int            `json:"skippedBlobs"`
	SkippedWhy   map[string]int `json:"skippedWhy,omitempty"` // blobs by reason
	Resumed      int64          `json:"resumed"`
	Referrers    *Referrers     `json:"referrers,omitempty"`
	Seconds      float64        `json:"seconds"`
}

// Referrers are what belongs to images: signatures, SBOMs, attestations.
type Referrers struct {
	Carried int `json:"carried"` // with the images
	Found   int `json:"found"`
}

// bytesInterval is how often the bytes of one blob are reported.
const bytesInterval = 500 * time.Millisecond

// jsonView writes a [Message] a line; the same note or warning once.
type jsonView struct {
	w       *stickyWriter
	verbose bool
	seen    map[string]bool
}

func (v *jsonView) take(t *tally, m *moving, e event.Event, now time.Time) {
	if !v.verbose && (e.Kind == event.Request || e.Kind == event.Quota) {
		return
	}
	msg := Message{
		Event: string(e.Kind), Time: now, MediaType: string(e.Blob.MediaType), Size: e.Blob.Size,
		Name: e.Name, Total: e.Total, Count: e.Count, Text: e.Text, Hint: e.Hint, Wait: e.Wait.Seconds(),
	}
	if e.Blob.Digest.Hex != "" {
		msg.Digest = e.Blob.Digest.String()
	}
	if e.Err != nil {
		msg.Error = e.Err.Error()
	}
	switch e.Kind {
	case event.Note, event.Warn, event.Lost:
		key := msg.Event + "\x00" + msg.Text + "\x00" + msg.Error
		if v.seen[key] {
			return
		}
		v.seen[key] = true
	case event.Bytes:
		if m == nil || now.Sub(m.told) < bytesInterval {
			return
		}
		m.told = now
		msg.Bytes = m.done()
	case event.Resume:
		msg.Bytes = e.N
	case event.Work:
		if w := t.workOf(e); w != nil {
			if now.Sub(w.told) < bytesInterval {
				return
			}
			w.told = now
		}
		msg.Bytes = e.N
	case event.Quota:
		msg.Count = int(e.N)
	case event.Done:
		if m != nil {
			msg.Bytes = m.done()
		}
	}
	v.write(msg)
}

func (v *jsonView) tick(*tally, time.Time)  {}
func (v *jsonView) interval() time.Duration { return 0 }
func (v *jsonView) hide()                   {}

func (v *jsonView) end(t *tally, now time.Time) {
	s := &Summary{
		Moved: t.moved, MovedBlobs: t.movedBlobs,
		Skipped: t.skipped, SkippedBlobs: t.skippedBlobs, SkippedWhy: t.why,
		Resumed: t.resumed, Seconds: now.Sub(t.start).Seconds(),
	}
	if t.following > 0 {
		s.Referrers = &Referrers{Carried: t.followed, Found: t.following}
	}
	v.write(Message{Event: "summary", Time: now, Summary: s})
}

func (v *jsonView) write(m Message) {
	b, err := json.Marshal(m)
	if err != nil { // a time beyond the year 9999 is all that can fail
		v.w.err = errors.Join(v.w.err, err)
		return
	}
	v.w.Write(append(quoteJSON(b), '\n')) // the error stays in w
}
