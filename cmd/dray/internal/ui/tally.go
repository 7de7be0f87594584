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
	work                     *work // nil: there is none
}

// work is what goes on besides blobs that move.
type work struct {
	text     string
	done, of int64 // bytes
	meter    meter
	told     time.Time // when it was last written as JSON
}

// take counts e.
func (w *work) take(e event.Event) *work {
	switch {
	case e.N >= e.Total:
		return nil
	case w == nil || w.text != e.Text:
		w = &work{text: e.Text}
	}
	w.done, w.of = e.N, e.Total
	return w
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
		t.work = t.work.take(e)
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

// tick takes the time, for the rates.
func (t *tally) tick(now time.Time) {
	t.meter.tick(now, t.moved)
	if t.work != nil {
		t.work.meter.tick(now, t.work.done)
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
