package archive

import (
	"fmt"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/ref"
)

// maxNamesTold is how many names that are left out are told one by one.
const maxNamesTold = 20

// A nameReader reads the names in a manifest.json, of which there may be millions.
type nameReader struct {
	*Archive
	lost int
}

func newNameReader(a *Archive) *nameReader { return &nameReader{Archive: a} }

// read returns the names of one image that are image names, in full and each
// once, and tells of the others.
func (r *nameReader) read(tags []string) []string {
	names := make([]string, 0, len(tags))
	seen := make(map[string]bool, len(tags))
	for _, tag := range tags {
		if seen[tag] {
			continue
		}
		seen[tag] = true
		n, err := ref.ParseName(tag)
		if err == nil && n.Tag == "" {
			err = fmt.Errorf("%.300q has no tag", tag)
		}
		if err != nil {
			r.leaveOut(tag, err)
			continue
		}
		if full := n.Tagged(); full == tag || !seen[full] {
			seen[full] = true
			names = append(names, full)
		}
	}
	return names
}

func (r *nameReader) leaveOut(tag string, err error) {
	if r.lost++; r.lost <= maxNamesTold {
		r.o.Events.Emit(event.Event{Kind: event.Lost, Name: tag, Err: fmt.Errorf("reading archive %s: a name is left out: %w", r.path, err)})
	}
}

// end tells of those that were not told one by one.
func (r *nameReader) end() {
	if more := r.lost - maxNamesTold; more > 0 {
		r.o.Events.Emit(event.Event{Kind: event.Lost, Text: fmt.Sprintf("reading archive %s: %d more names are left out", r.path, more)})
	}
}
