package parts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// Join writes the file that the parts make up to w, and verifies each part on the
// way: only after a nil error is what was written whole. A bad part is a
// [*FaultsError]. It emits what [Set.Check] does.
func (s *Set) Join(ctx context.Context, w io.Writer, events event.Handler) error {
	events.Emit(event.Event{Kind: event.Plan, Total: s.Size, Count: len(s.Parts), Text: "joined"})
	whole := sha256.New()
	for i, p := range s.Parts {
		b := p.descriptor()
		events.Emit(event.Event{Kind: event.Start, Blob: b})
		f, err := s.verify(ctx, i, io.MultiWriter(whole, w, counter{b, events}))
		if err != nil {
			return err
		}
		if f != nil {
			return s.error([]*Fault{f})
		}
		events.Emit(event.Event{Kind: event.Done, Blob: b})
	}
	if hexSum(whole) != s.SHA256 {
		return fmt.Errorf("%s: every part is what it says, but not the whole: %w", s.index, place.ErrInvalid)
	}
	return nil
}
