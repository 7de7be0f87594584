package ui

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dray-oci/dray/pkg/event"
)

// barsView draws one bar for the whole and one for each blob on its way, below
// everything that was written before. A frame is drawn over the one before with
// two escape sequences that every terminal has: cursor up, and erase below.
type barsView struct {
	*notes
	size  func() (columns, lines int)
	drawn int // lines on the screen that the next frame replaces
}

func (v *barsView) interval() time.Duration { return 100 * time.Millisecond }

func (v *barsView) take(t *tally, _ *moving, e event.Event, _ time.Time) {
	if text := v.text(e); text != "" {
		again := v.drawn > 0
		v.hide()
		v.write(text)
		if again {
			v.draw(t)
		}
	}
}

func (v *barsView) tick(t *tally, _ time.Time) {
	if t.busy() {
		v.draw(t)
	} else {
		v.hide()
	}
}

func (v *barsView) hide() {
	v.write(v.erase())
	v.drawn = 0
}

// erase returns what puts the cursor where the last frame began, with nothing below.
func (v *barsView) erase() string {
	if v.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", v.drawn)
}

// draw writes a frame in one piece, so that it does not flicker.
func (v *barsView) draw(t *tally) {
	lines := frame(t, v.size)
	v.write(v.erase() + strings.Join(lines, "\n") + "\n")
	v.drawn = len(lines)
}

// frame returns the lines to draw, none as wide as the terminal, so that none
// wraps, and fewer than it has lines.
func frame(t *tally, size func() (columns, lines int)) []string {
	columns, height := size()
	var lines []string
	if t.used {
		blobs := fmt.Sprintf("%d/%d blobs", t.doneBlobs(), max(t.planned, t.doneBlobs()+len(t.active)))
		lines = []string{bar(blobs, t.done(), t.total, t.meter.perSecond, columns-1)}
	}
	for _, w := range t.works {
		if height <= 3 {
			break
		}
		lines = append(lines, bar(quoteLine(w.text), w.done, w.of, w.meter.perSecond, columns-1))
		height--
	}
	room := height - 3 // the whole, what is left out, and the cursor
	for i, m := range t.active {
		if i >= room {
			lines = append(lines, cut(fmt.Sprintf("and %d more", len(t.active)-i), columns-1))
			break
		}
		lines = append(lines, bar(ShortDigest(m.blob.Digest), m.done(), m.blob.Size, m.meter.perSecond, columns-1))
	}
	return lines
}

// bar returns one line of at most width columns:
//
//	6c5ed1872d4b [=====>          ]  123MB/456MB   12MB/s  30s left
func bar(label string, done, total int64, perSecond float64, width int) string {
	part := Size(done)
	if total > 0 {
		part += "/" + Size(total)
	}
	numbers := fmt.Sprintf("%15s %9s  %-11s", part, rate(perSecond), remaining(total-done, perSecond))
	line := fmt.Sprintf("%-13s ", label)
	room := width - utf8.RuneCountInString(line) - len(numbers) - len("[] ")
	if room >= 5 && total > 0 {
		line += "[" + fill(done, total, min(room, 50)) + "] "
	}
	return strings.TrimRight(cut(line+numbers, width), " ")
}

// fill returns the inside of a bar.
func fill(done, total int64, width int) string {
	n := width
	if done < total {
		n = int(float64(max(done, 0)) / float64(total) * float64(width))
	}
	if n >= width {
		return strings.Repeat("=", width)
	}
	return strings.Repeat("=", n) + ">" + strings.Repeat(" ", width-n-1)
}

func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:max(width, 0)])
	}
	return s
}
