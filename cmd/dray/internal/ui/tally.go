package ui

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
)

// A tally counts what events report.
type tally struct {
	start   time.Time
	used    bool  // something was transferred, or need not be
	planned int   // blobs
	total   int64 // bytes planned

	moved, skipped, resumed  int64 // bytes
	movedBlobs, skippedBlobs int
	followed, following      int            // what belongs to images: of all there is, what came with them
	verb                     string         // what happens to blobs, if they are not moved
	why                      map[string]int // skipped blobs by reason
	active                   []*moving      // in the order they started
	meter                    meter
	works                    []*work // in the order they started
}

// work is what goes on besides blobs that move.
type work struct {
	text     string // with the blob, if it is about one
	done, of int64  // bytes
	meter    meter
	told     time.Time // when it was last written as JSON
}

func workText(e event.Event) string {
	if e.Blob.Digest.Hex == "" {
		return e.Text
	}
	return e.Text + " " + ShortDigest(e.Blob.Digest)
}

// workOf returns the work that e is about, or nil if there is none yet.
func (t *tally) workOf(e event.Event) *work {
	i := slices.IndexFunc(t.works, func(w *work) bool { return w.text == workText(e) })
	if i < 0 {
		return nil
	}
	return t.works[i]
}

// takeWork counts e.
func (t *tally) takeWork(e event.Event) {
	w := t.workOf(e)
	switch {
	case e.N >= e.Total:
		t.works = slices.DeleteFunc(t.works, func(x *work) bool { return x == w })
		return
	case w == nil:
		w = &work{text: workText(e)}
		t.works = append(t.works, w)
	}
	w.done, w.of = e.N, e.Total
}

// moving is one blob on its way.
type moving struct {
	blob           v1.Descriptor
	moved, resumed int64
	meter          meter
	told           time.Time // when its bytes were last written as JSON
}

func (m *moving) done() int64 { return m.moved + m.resumed }

// take counts e. It returns the blob that e is about if that is moving, also
// if it stops with e.
func (t *tally) take(e event.Event) *moving {
	i := slices.IndexFunc(t.active, func(m *moving) bool { return m.blob.Digest == e.Blob.Digest })
	var m *moving
	if i >= 0 {
		m = t.active[i]
	}
	switch e.Kind {
	case event.Plan:
		t.planned += e.Count
		if e.Text != "" {
			t.verb = e.Text
		}
		t.total += e.Total
	case event.Start:
		if m == nil {
			m = &moving{blob: e.Blob}
			t.active = append(t.active, m)
		}
	case event.Bytes:
		t.moved += e.N
		if m != nil {
			m.moved += e.N
		}
	case event.Resume:
		t.resumed += e.N
		if m != nil {
			m.resumed += e.N
		}
	case event.Work:
		t.takeWork(e)
		return nil
	case event.Done:
		t.movedBlobs++
	case event.Skip:
		t.skippedBlobs++
		t.skipped += e.Blob.Size
		if t.why == nil {
			t.why = map[string]int{}
		}
		t.why[e.Text]++
	case event.Referrers:
		t.followed += e.Count
		t.following += int(e.Total)
	default:
		return m
	}
	t.used = true
	if i >= 0 && (e.Kind == event.Done || e.Kind == event.Skip) {
		t.active = slices.Delete(t.active, i, i+1)
	}
	return m
}

// busy reports whether there is something to draw.
func (t *tally) busy() bool { return t.used || len(t.works) > 0 }

// tick takes the time, for the rates.
func (t *tally) tick(now time.Time) {
	t.meter.tick(now, t.moved)
	for _, w := range t.works {
		w.meter.tick(now, w.done)
	}
	for _, m := range t.active {
		m.meter.tick(now, m.moved)
	}
}

// done returns how many bytes of the plan are settled.
func (t *tally) done() int64 { return t.moved + t.resumed + t.skipped }

func (t *tally) doneBlobs() int { return t.movedBlobs + t.skippedBlobs }

// summary is the last line: bytes moved, bytes skipped, time.
func (t *tally) summary(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s in %s", cmp.Or(t.verb, "moved"), Size(t.moved), count(t.movedBlobs, "blob"))
	if t.verb == "" {
		fmt.Fprintf(&b, ", skipped %s in %d", Size(t.skipped), t.skippedBlobs)
	}
	if len(t.why) > 0 {
		var why []string
		for _, reason := range slices.Sorted(maps.Keys(t.why)) {
			why = append(why, fmt.Sprintf("%s %d", quoteLine(reason), t.why[reason]))
		}
		fmt.Fprintf(&b, " (%s)", strings.Join(why, ", "))
	}
	if t.resumed > 0 {
		fmt.Fprintf(&b, ", resumed %s", Size(t.resumed))
	}
	if t.following > 0 {
		fmt.Fprintf(&b, ", %d of %s", t.followed, count(t.following, "referrer"))
	}
	took := now.Sub(t.start)
	fmt.Fprintf(&b, ", %s", seconds(took))
	if t.moved > 0 && took > 0 {
		fmt.Fprintf(&b, " (%s)", rate(float64(t.moved)/took.Seconds()))
	}
	return b.String()
}

// A meter smooths a rate: old speed loses two thirds of its weight in meterSpan.
type meter struct {
	at        time.Time
	n         int64
	perSecond float64
}

const meterSpan = 5 * time.Second

func (m *meter) tick(now time.Time, n int64) {
	took := now.Sub(m.at)
	if m.at.IsZero() {
		m.at, m.n = now, n
		return
	}
	if took <= 0 {
		return
	}
	speed := max(0, float64(n-m.n)/took.Seconds())
	weight := 1 - math.Exp(-took.Seconds()/meterSpan.Seconds())
	if m.perSecond == 0 {
		weight = 1
	}
	m.perSecond += weight * (speed - m.perSecond)
	m.at, m.n = now, n
}
