package serve

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/dray-oci/dray/pkg/event"
)

// names is the directory as it was when the places had those stamps.
type names struct {
	mu        sync.Mutex
	directory *directory
	stamps    []string
	said      map[string]bool
}

// directory returns what the names stand for now.
func (s *Server) directory(ctx context.Context) (*directory, error) {
	stamps := make([]string, len(s.places))
	known := true
	for i, p := range s.places {
		if p.stamper == nil {
			known = false
			continue
		}
		var err error
		if stamps[i], err = p.stamper.Stamp(ctx); err != nil {
			return nil, fmt.Errorf("listing what is there: %w", err)
		}
	}
	n := &s.names
	n.mu.Lock()
	defer n.mu.Unlock()
	if known && n.directory != nil && slices.Equal(stamps, n.stamps) {
		return n.directory, nil
	}
	d, err := list(ctx, s.places)
	if err != nil {
		return nil, err
	}
	n.directory, n.stamps = d, stamps
	s.say(d.said)
	return d, nil
}

// mostSaid bounds what is remembered as said.
const mostSaid = 1000

// say tells each thing once.
func (s *Server) say(texts []string) {
	for _, text := range texts {
		if s.names.said[text] || len(s.names.said) >= mostSaid {
			continue
		}
		s.names.said[text] = true
		s.o.Events.Emit(event.Event{Kind: event.Warn, Text: text})
	}
}
