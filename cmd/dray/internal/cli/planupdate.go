package cli

import (
	"fmt"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/bundle"
)

// plannedUpdate is by which way what the images are made of would get to the other side.
type plannedUpdate struct {
	There plannedWay   `json:"there"` // it has them
	Delta plannedDelta `json:"delta"`
	Whole plannedWay   `json:"whole"` // all manifests are among them
}

type plannedWay struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}

// plannedDelta are blobs that would travel as recipes.
type plannedDelta struct {
	plannedWay
	Carried int64 `json:"carried"`          // bytes of the recipes
	AtMost  bool  `json:"atMost,omitempty"` // they were not made, and some may go whole
}

// newPlannedUpdate returns nil if s is: it is no update.
func newPlannedUpdate(s *bundle.Summary, exact bool) *plannedUpdate {
	if s == nil {
		return nil
	}
	u := &plannedUpdate{
		There: plannedWay{s.There, s.ThereBytes},
		Delta: plannedDelta{plannedWay{s.Recipes, s.RecipesFor}, s.RecipesBytes, false},
	}
	if !exact {
		u.Delta = plannedDelta{plannedWay{s.Likely, s.LikelyBytes}, s.LikelyBytes, s.Likely > 0}
	}
	u.Whole.Blobs = s.Blobs - u.There.Blobs - u.Delta.Blobs
	u.Whole.Bytes = s.Bytes - u.There.Bytes - u.Delta.Bytes
	return u
}

// String says it for people.
func (u *plannedUpdate) String() string {
	d := u.Delta
	text := "update: " + u.There.String() + " there, " + d.String() + " by delta"
	switch {
	case d.AtMost:
		text += fmt.Sprintf(" of at most %s (--exact makes them)", ui.Size(d.Carried))
	case d.Blobs > 0:
		text += fmt.Sprintf(" of %s (%d bytes)", ui.Size(d.Carried), d.Carried)
	}
	return text + ", " + u.Whole.String() + " whole"
}

func (p plannedWay) String() string {
	if p.Blobs == 0 {
		return "none"
	}
	return fmt.Sprintf("%s of %s", plural(p.Blobs, "blob"), ui.Size(p.Bytes))
}
