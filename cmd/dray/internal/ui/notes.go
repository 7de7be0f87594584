package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// longWait is a pause that somebody who watches would take for a hang.
const longWait = 10 * time.Second

// notes writes the events that are lines of their own, each once.
type notes struct {
	s              *Streams
	w              *stickyWriter
	verbose, quiet bool
	seen           map[string]bool
}

// text returns the lines for e; empty if there is nothing to say, or nothing new.
func (n *notes) text(e event.Event) string {
	switch e.Kind {
	case event.Warn, event.Lost:
		return n.once(n.s.paintErr(Yellow, "warning:"), e)
	case event.Note:
		if n.quiet {
			return ""
		}
		return n.once(n.s.paintErr(Cyan, "note:"), e)
	case event.Retry:
		if n.quiet || !n.verbose && e.Wait < longWait {
			return ""
		}
		return fmt.Sprintf("retry: %s, again in %s\n", said(e), seconds(e.Wait))
	case event.Request:
		if !n.verbose {
			return ""
		}
		return fmt.Sprintf("request: %s (%d ms)\n", said(e), e.Wait.Milliseconds())
	default:
		return ""
	}
}

// once returns a note or warning the first time, and its hint the first time.
func (n *notes) once(word string, e event.Event) string {
	text := word + " " + said(e) + "\n"
	if n.seen[text] {
		return ""
	}
	n.seen[text] = true
	if hint := "hint:" + e.Hint; e.Hint != "" && !n.seen[hint] {
		n.seen[hint] = true
		text += n.s.paintErr(Cyan, "hint:") + " " + quoteLine(oneLine(e.Hint)) + "\n"
	}
	return text
}

// said returns what e says, in one safe line.
func said(e event.Event) string {
	var parts []string
	if e.Text != "" {
		parts = append(parts, e.Text)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return quoteLine(oneLine(strings.Join(parts, ": ")))
}

func (n *notes) write(text string) {
	if text != "" {
		fmt.Fprint(n.w, text)
	}
}

func (n *notes) end(t *tally, now time.Time) { n.write(t.summary(now) + "\n") }

// noView shows notes and warnings only.
type noView struct{ *notes }

func (v *noView) take(_ *tally, _ *moving, e event.Event, _ time.Time) { v.write(v.text(e)) }
func (v *noView) tick(*tally, time.Time)                               {}
func (v *noView) interval() time.Duration                              { return 0 }
func (v *noView) hide()                                                {}
func (v *noView) end(*tally, time.Time)                                {}
