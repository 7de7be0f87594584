package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// plainView writes a line every few seconds: for a log that somebody reads later.
type plainView struct {
	*notes
	last string
}

func (v *plainView) take(_ *tally, _ *moving, e event.Event, _ time.Time) { v.write(v.text(e)) }

func (v *plainView) tick(t *tally, _ time.Time) {
	if !t.busy() {
		return
	}
	if line := status(t); line != v.last {
		v.last = line
		v.write(line + "\n")
	}
}

// interval: a log of an hour's transfer stays below a thousand lines.
func (v *plainView) interval() time.Duration { return 5 * time.Second }

func (v *plainView) hide() {}

// status says where t stands: "3 of 12 blobs, 1.2GB of 4GB, 85MB/s, 33s left", and
// what else goes on: "summing parts: 2GB of 4GB".
func status(t *tally) string {
	var parts []string
	if t.used {
		parts = transferred(t)
	}
	for _, w := range t.works {
		parts = append(parts, fmt.Sprintf("%s: %s of %s", quoteLine(w.text), Size(w.done), Size(w.of)))
	}
	return strings.Join(parts, ", ")
}

func transferred(t *tally) []string {
	blobs, bytes := count(t.doneBlobs(), "blob"), Size(t.done())
	if t.planned > 0 {
		blobs = fmt.Sprintf("%d of %s", t.doneBlobs(), count(t.planned, "blob"))
		bytes += " of " + Size(t.total)
	}
	parts := []string{blobs, bytes, rate(t.meter.perSecond)}
	if left := remaining(t.total-t.done(), t.meter.perSecond); left != "" {
		parts = append(parts, left)
	}
	return parts
}
