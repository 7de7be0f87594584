package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/mirror"
)

// What was done with an image.
const (
	syncCopied      = "copied"
	syncSame        = "same"
	syncRemoved     = "removed"
	syncFailed      = "failed"
	syncWouldCopy   = "would copy"
	syncWouldRemove = "would remove"
)

// A syncedImage is one image in a report.
type syncedImage struct {
	Source string `json:"source,omitempty"` // what it is called where it comes from; of what is removed nothing
	Name   string `json:"name,omitempty"`   // what it is called at the destination
	Digest string `json:"digest,omitempty"` // of what stands there; empty if it was not looked at
	Origin string `json:"origin,omitempty"` // the digest at the source, if some platforms of that would be copied
	Action string `json:"action"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
	Bytes  int64  `json:"bytes"` // that were moved

	origin string // the digest at the source
	err    error
}

// A syncReport is what a run has done.
type syncReport struct {
	Manifest string        `json:"manifest"`
	To       string        `json:"to"`
	Shard    string        `json:"shard,omitempty"`
	DryRun   bool          `json:"dryRun,omitempty"`
	Started  time.Time     `json:"started"`
	Seconds  float64       `json:"seconds"`
	Copied   int           `json:"copied"`
	Same     int           `json:"same"`
	Removed  int           `json:"removed"`
	Failed   int           `json:"failed"`
	Bytes    int64         `json:"bytes"`
	Quota    []mirror.Left `json:"quota,omitempty"`
	Images   []syncedImage `json:"images"`

	last error // of those that failed
}

// fail reports that im failed with err, and shows it.
func (s *syncer) fail(im syncedImage, err error) syncedImage {
	im.Action, im.Error, im.err = syncFailed, err.Error(), err
	s.add(im)
	shown := err
	if im.Name != "" && !strings.Contains(err.Error(), im.Source) {
		shown = fmt.Errorf("syncing %s: %w", im.Source, err)
	}
	_ = s.a.pause(func() error { s.a.streams.Error(shown); return nil })
	return im
}

// wouldCopy is im if it were copied with all platforms or not: then what it becomes
// is only known when its manifests are read.
func (im syncedImage) wouldCopy(all bool) syncedImage {
	im.Action, im.Digest, im.Origin = syncWouldCopy, im.origin, ""
	if !all {
		im.Digest, im.Origin = "", im.origin
	}
	return im
}

// succeed reports that im is done.
func (s *syncer) succeed(im syncedImage) syncedImage {
	im.OK = true
	s.add(im)
	return im
}

func (s *syncer) add(im syncedImage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.report
	r.Images = append(r.Images, im)
	r.Bytes += im.Bytes
	if im.OK && im.Digest != "" {
		s.digests[im.Name] = im.Digest
	}
	switch im.Action {
	case syncCopied, syncWouldCopy:
		r.Copied++
	case syncSame:
		r.Same++
	case syncRemoved, syncWouldRemove:
		r.Removed++
	default:
		r.Failed++
		r.last = im.err
	}
}

func (s *syncer) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.Failed
}

// waiting tells of a wait for a quota.
func (s *syncer) waiting(l mirror.Left, d time.Duration) {
	text := fmt.Sprintf("%s allows %d more requests for now: waiting %s", l.Host, l.Left, d)
	s.o.Events.Emit(event.Event{Kind: event.Warn, Name: l.Host, Text: text})
}

// end writes what was done, and returns what it comes to; failed is what the run
// as a whole ended with.
func (s *syncer) end(failed error) error {
	r := &s.report
	r.Seconds = time.Since(r.Started).Seconds()
	r.Quota = s.quota.All()
	slices.SortFunc(r.Images, func(a, b syncedImage) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Source, b.Source))
	})
	errs := []error{s.print()}
	if s.flags.report != "" {
		raw, err := json.MarshalIndent(r, "", "  ")
		errs = append(errs, err, writeWhole(s.flags.report, append(raw, '\n')))
	}
	if s.flags.metrics != "" {
		errs = append(errs, writeWhole(s.flags.metrics, r.metrics(failed == nil)))
	}
	if failed == nil {
		errs = append(errs, r.outcome())
	}
	return errors.Join(errs...)
}

// outcome is the error that the failures come to.
func (r *syncReport) outcome() error {
	switch all := len(r.Images); {
	case r.Failed == 0:
		return nil
	case r.Failed == all:
		return &toldError{r.last, "nothing was done"}
	default:
		return &partlyError{fmt.Errorf("%d of %d failed", r.Failed, all)}
	}
}

// print writes what changed to stdout, and how much that was to stderr.
func (s *syncer) print() error {
	r := &s.report
	f, err := s.a.format()
	if err != nil {
		return err
	}
	if !s.a.o.quiet {
		verbs := []any{r.Copied, "copied", r.Same, r.Removed, "removed", r.Failed}
		if r.DryRun {
			verbs[1], verbs[4] = "to copy", "to remove"
		}
		if err := s.a.note(fmt.Sprintf("%d %s, %d the same, %d %s, %d failed", verbs...), ""); err != nil {
			return err
		}
		for _, q := range r.Quota {
			if q.Of > 0 {
				if err := s.a.note(fmt.Sprintf("%s allows %d more requests of %d in %s", q.Host, q.Left, q.Of, q.Window), ""); err != nil {
					return err
				}
			}
		}
	}
	return s.a.pause(func() error {
		if f.IsText() {
			return s.a.streams.Lines(r.lines(s.a.o.quiet)...)
		}
		return s.a.streams.Print(f, r, nil)
	})
}

// lines are what changed.
func (r *syncReport) lines(quiet bool) []string {
	var lines []string
	for _, im := range r.Images {
		text := ""
		switch {
		case !im.OK || im.Action == syncSame:
			continue
		case quiet:
			text = cmp.Or(im.Digest, im.Origin)
		case im.Origin != "":
			text = im.Name + ", the platforms chosen of " + im.Origin
		default:
			text = moved{Name: im.Name, Digest: im.Digest}.String()
		}
		if !quiet && im.Action != syncCopied {
			text = im.Action + " " + text
		}
		lines = append(lines, text)
	}
	return lines
}

// metrics are the figures of the run in the text form of Prometheus.
func (r *syncReport) metrics(ok bool) []byte {
	var b bytes.Buffer
	labels := "manifest=" + label(filepath.Base(r.Manifest))
	if r.Shard != "" {
		labels += ",shard=" + label(r.Shard)
	}
	gauge := func(name, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name) }
	gauge("dray_sync_images", "Images of the last run, by what was done with them.")
	for _, each := range []struct {
		action string
		n      int
	}{{syncCopied, r.Copied}, {syncSame, r.Same}, {syncRemoved, r.Removed}, {syncFailed, r.Failed}} {
		fmt.Fprintf(&b, "dray_sync_images{%s,action=%s} %d\n", labels, label(each.action), each.n)
	}
	success := 0
	if ok && r.Failed == 0 {
		success = 1
	}
	for _, each := range []struct{ name, help, value string }{
		{"dray_sync_success", "Whether everything was done in the last run.", strconv.Itoa(success)},
		{"dray_sync_moved_bytes", "Bytes moved in the last run.", strconv.FormatInt(r.Bytes, 10)},
		{"dray_sync_duration_seconds", "How long the last run took.", strconv.FormatFloat(r.Seconds, 'f', 3, 64)},
		{"dray_sync_start_timestamp_seconds", "When the last run began.", strconv.FormatInt(r.Started.Unix(), 10)},
	} {
		gauge(each.name, each.help)
		fmt.Fprintf(&b, "%s{%s} %s\n", each.name, labels, each.value)
	}
	if len(r.Quota) > 0 {
		gauge("dray_sync_quota_remaining", "Requests that a registry still answers.")
	}
	for _, q := range r.Quota {
		fmt.Fprintf(&b, "dray_sync_quota_remaining{%s,host=%s} %d\n", labels, label(q.Host), q.Left)
	}
	return b.Bytes()
}

// label quotes a value of a label.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(ui.Quote(s)) + `"`
}

// writeWhole writes a file that is there as a whole or not at all.
func writeWhole(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if rerr := os.Remove(f.Name()); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
