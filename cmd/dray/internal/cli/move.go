package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// moved is one image that was moved, as it is printed.
type moved struct {
	Name   string `json:"name"`             // where it stands now; empty if under its digest alone
	Digest string `json:"digest"`           // of what stands there
	Origin string `json:"origin,omitempty"` // the digest at the source, if that is another

	Referrers int `json:"referrers,omitempty"` // what belongs to it and came with it
}

// String is NAME@DIGEST, or the digest alone where there is no name.
func (m moved) String() string {
	if m.Name == "" {
		return m.Digest
	}
	name, _, _ := strings.Cut(m.Name, "@")
	return name + "@" + m.Digest
}

// movedOf is how results are printed whose names are those of r, or full already.
func movedOf(r ref.Ref, results []transfer.Result) []moved {
	var all []moved
	for _, res := range results {
		m := moved{Digest: res.Root.Digest.String(), Referrers: len(res.Referrers)}
		if res.Origin.Digest != res.Root.Digest {
			m.Origin = res.Origin.Digest.String()
		}
		names := res.Names
		if r.There().Kind == ref.Registry {
			names = []string{r.Name.Tagged()}
		}
		if len(names) == 0 {
			all = append(all, m)
		}
		for _, n := range names {
			m.Name = n
			if !strings.ContainsRune(n, '/') { // a mere tag: the place itself can be named with a digest
				at := r
				at.Image = ""
				m.Name = at.String()
			}
			all = append(all, m)
		}
	}
	return all
}

// printMoved ends a command that moves: NAME@DIGEST for each, or with -q digests.
func (a *app) printMoved(all []moved) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	return a.pause(func() error { return printMoved(a, f, all) })
}

// note says something worth knowing.
func (a *app) note(text, hint string) error {
	events, err := a.events()
	if err == nil {
		events.Emit(event.Event{Kind: event.Note, Text: text, Hint: hint})
	}
	return err
}

// pause runs f, which prints, while no progress is drawn.
func (a *app) pause(f func() error) error {
	if a.progress == nil {
		return f()
	}
	return a.progress.Pause(f)
}

// displayName is what messages call r.
func displayName(r ref.Ref) string {
	if r.Kind == ref.Registry {
		return r.Name.Familiar()
	}
	return r.String()
}

// refuseTerminal keeps an archive from being written to a terminal.
func (a *app) refuseTerminal(to ref.Ref) error {
	if to.Path == "-" && a.streams.OutIsTerminal && !a.planning {
		return &usageError{errors.New("writing an archive to a terminal: redirect it, or name a file")}
	}
	return nil
}

func printMoved(a *app, f ui.Format, all []moved) error {
	if f.IsText() {
		lines := make([]string, 0, len(all))
		for _, m := range all {
			if a.o.quiet {
				lines = append(lines, m.Digest)
			} else {
				lines = append(lines, m.String())
			}
		}
		return a.streams.Lines(lines...)
	}
	return ui.PrintList(a.streams, f, all, func(io.Writer) error { return nil })
}

// checkTag says so if the tag of a name with both tag and digest stands for
// something else by now; with strict that is an error.
func (a *app) checkTag(ctx context.Context, r ref.Ref, strict bool) error {
	if r.Kind != ref.Registry || r.Name.Tag == "" || r.Name.Digest == "" || a.o.offline {
		return nil
	}
	byTag := r
	byTag.Name.Digest = ""
	doors, err := a.open()
	if err != nil {
		return err
	}
	src, err := doors.Source(ctx, byTag)
	if err != nil {
		return err
	}
	now, err := src.Resolve(ctx, src.Name)
	err = errors.Join(err, src.Close())
	switch {
	case errors.Is(err, place.ErrNotFound):
		now, err = v1.Descriptor{}, nil
	case err != nil:
		return err
	}
	if now.Digest.String() == r.Name.Digest.String() {
		return nil
	}
	text := fmt.Sprintf("the tag %s has moved: it is %s now, not %s", byTag.Name.Familiar(), now.Digest, r.Name.Digest)
	if now.Digest.Hex == "" {
		text = fmt.Sprintf("there is no tag %s any more", byTag.Name.Familiar())
	}
	if strict {
		return &verifyError{fmt.Errorf("checking the tag of %s: %s", displayName(r), text)}
	}
	events, err := a.events()
	if err == nil {
		events.Emit(event.Event{Kind: event.Warn, Text: text})
	}
	return err
}

// eachName runs one for every name, goes on after a failure, and says in the end
// how many failed.
func (a *app) eachName(ctx context.Context, names []string, one func(name string) error) error {
	var failed []error
	for _, name := range names {
		err := one(name)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
			if len(names) > 1 {
				if perr := a.pause(func() error { a.streams.Error(a.advise(err)); return nil }); perr != nil {
					return perr
				}
			}
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(names) == 1:
		return failed[0]
	case len(failed) == len(names):
		return &toldError{failed[len(failed)-1], fmt.Sprintf("all %d names failed", len(names))}
	}
	return &partlyError{fmt.Errorf("%d of %d names failed", len(failed), len(names))}
}
