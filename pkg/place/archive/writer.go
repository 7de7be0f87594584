package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Writer writes an archive to a file, many blobs at once, each straight to its
// place. Until the last planned image is committed the file is called
// PATH.partial (its parts PATH.001.partial and so on), and a journal beside it says how far each blob has come; a later
// Writer with the same plan goes on from there, one with another plan starts anew.
type Writer struct {
	path    string // of the archive, links followed
	o       Options
	drawing *drawing
	partial *partial // nil if the archive stood there already

	mu   sync.Mutex // guards Commit against Commit
	done bool       // it stands
}

var (
	_ place.Sink    = (*Writer)(nil)
	_ place.Planner = (*Writer)(nil)
)

// Create returns a sink that writes the archive at path, which it replaces if it
// is there. It makes no file yet. A path that is no regular file is refused, and in
// parts, which together are what it replaces, also one that is.
func Create(path string, o Options) (*Writer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	target, err := target(path)
	if err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	if o.Parts.Size > 0 {
		if err := isOneFile(target); err != nil {
			return nil, fmt.Errorf("writing archive in parts: %w", err)
		}
	} else if err := isNoSet(target); err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	return &Writer{path: target, o: o}, nil
}

// target follows links, so that what they point at is replaced and not they.
func target(path string) (string, error) {
	switch fi, err := os.Stat(path); {
	case err == nil && fi.IsDir():
		return "", fmt.Errorf("%s is a folder", path)
	case err == nil && !fi.Mode().IsRegular():
		return "", &pathError{path + " is no regular file", "to write into a pipe write to standard output"}
	case err == nil:
		return filepath.EvalSymlinks(path)
	}
	fi, err := os.Stat(filepath.Dir(path))
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	return path, err
}

type pathError struct{ text, hint string }

func (e *pathError) Error() string { return e.text }

// Hint says what to do instead.
func (e *pathError) Hint() string { return e.hint }

// Traits say what the form takes.
func (w *Writer) Traits() place.Traits { return w.o.traits() }

// Plan lays out the archive, checks and reserves the space for it, and looks
// through what an earlier run left. The blobs that are missing are returned largest
// first, so that the longest does not begin last. If the very archive stands at the
// path already, none is. The error may be a *SpaceError or a *CutError. When it is
// called again, what is there moves up in the file.
func (w *Writer) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	todo, err := w.plan(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("writing archive %s: %w", w.path, err)
	}
	return todo, nil
}

func (w *Writer) plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	if w.drawing != nil {
		return w.replan(ctx, p)
	}
	d, err := w.o.draw(p)
	if err == nil && w.stands(ctx, d) {
		w.drawing, w.done = d, true
		for _, b := range d.todo() {
			w.o.Events.Emit(event.Event{Kind: event.Skip, Blob: b, Text: "present"})
		}
		return nil, nil
	}
	if err == nil {
		w.partial, err = openPartial(ctx, w.path, d, w.o)
	}
	if err != nil {
		return nil, err
	}
	w.drawing = d
	return w.partial.todo(), nil
}

// Has reports whether d is in its place, verified.
func (w *Writer) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	slot, err := w.drawing.slot(d)
	return err == nil && (slot == nil || w.partial == nil || w.partial.holds(d.Digest)), context.Cause(ctx)
}

// Put writes d to its place. It goes on from what an earlier Put of it left.
func (w *Writer) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	slot, err := w.drawing.slot(d)
	if err == nil && slot != nil && w.partial != nil {
		err = w.partial.put(ctx, d, open)
	}
	if err != nil {
		return fmt.Errorf("writing archive %s: %w", w.path, err)
	}
	return nil
}

// Commit gives the archive its name, with the last root of the plan.
func (w *Writer) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	last, err := w.drawing.commit(root, names)
	if err == nil && last && !w.done {
		err = w.partial.finish(ctx)
		w.done = err == nil
		if w.done {
			w.remember()
		}
	}
	if err != nil {
		return fmt.Errorf("writing archive %s: %w", w.path, err)
	}
	return nil
}

// Partial returns the path of what a later run will go on from, of its first part if
// there are some; "" if there is no such file.
func (w *Writer) Partial() string {
	if w.partial == nil || w.done || !w.partial.isWorthKeeping() {
		return ""
	}
	return w.o.Parts.path(w.path, 0) + ".partial"
}

// Close keeps what was written and not committed, if it is worth anything, for a
// later run, under no name that a reader would take for the archive's.
func (w *Writer) Close() error {
	_ = w.o.Verified.Save() // what is not remembered is read again
	if w.partial == nil {
		return nil
	}
	if err := w.partial.close(); err != nil {
		return fmt.Errorf("writing archive %s: %w", w.path, err)
	}
	return nil
}

// syncDir makes a rename in dir last. Windows has no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
