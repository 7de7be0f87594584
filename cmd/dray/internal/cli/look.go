package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// lookFlags are for commands that read from any place and move nothing.
func (a *app) lookFlags(fs *pflag.FlagSet) {
	a.storeFlags(fs)
	a.networkFlags(fs)
	fs.StringVar(&a.o.tmpDir, "tmpdir", "", "`folder` for temporary files")
	shared(fs, "tmpdir")
}

// lookAt opens what name says and hands f the one image that it names.
func (a *app) lookAt(ctx context.Context, name string, f func(*open.Source, open.Image) error) (err error) {
	refs, err := a.refs(name)
	if err != nil {
		return err
	}
	src, err := a.source(ctx, refs[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	img, err := src.Image(ctx)
	if choice := (*place.ChoiceError)(nil); errors.As(err, &choice) && refs[0].Kind == ref.Path {
		return &pathChoiceError{err, refs[0].Path}
	}
	if err != nil {
		return err
	}
	err = f(src, img)
	if errors.Is(err, inspect.ErrSeveral) {
		return &usageError{fmt.Errorf("looking at %s: %w", name, err)}
	}
	return err
}

// source opens r to look at it, which is no transfer to show the progress of.
func (a *app) source(ctx context.Context, r ref.Ref) (*open.Source, error) {
	a.o.progress = "none"
	doors, err := a.open()
	if err != nil {
		return nil, err
	}
	return doors.Source(ctx, r)
}

// A pathChoiceError says how one of several images in a file or folder is named.
type pathChoiceError struct {
	error
	path string
}

func (e *pathChoiceError) Unwrap() error { return e.error }

// Hint lists them, and the forms that take a name.
func (e *pathChoiceError) Hint() string {
	return fmt.Sprintf("%s, as oci-archive:%[2]s:NAME, docker-archive:%[2]s:NAME or, in a folder, oci:%[2]s:NAME", ui.Hint(e.error), e.path)
}

func (a *app) inspectOptions() (inspect.Options, error) {
	sel, err := a.selection()
	if err != nil {
		return inspect.Options{}, err
	}
	events, err := a.events()
	return inspect.Options{Platforms: sel, Host: arch.Host().Target(), Events: events}, err
}

// printDocument prints a document as it is, indented, or through a template over
// its own keys.
func (a *app) printDocument(f ui.Format, raw []byte) error {
	if f.IsText() {
		return a.streams.Verbatim(raw)
	}
	if !json.Valid(raw) {
		return errors.New("the document is no JSON: leave out --format")
	}
	if f.IsJSON() {
		return a.streams.Print(f, json.RawMessage(raw), nil)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // sizes as they stand
	if err := dec.Decode(&v); err != nil {
		return err
	}
	return a.streams.Print(f, v, nil)
}

// maxListed bounds the names that are held to be printed as one document.
const maxListed = 1_000_000

// collect returns what each visits.
func collect(each func(visit func(string) error) error) ([]string, error) {
	names := []string{}
	err := each(func(name string) error {
		if len(names) == maxListed {
			return fmt.Errorf("there are more than %d: list them as text", maxListed)
		}
		names = append(names, name)
		return nil
	})
	return names, err
}
