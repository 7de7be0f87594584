package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// A way says where images go.
type way interface {
	// ends returns where img goes, whose line wants it to be called as, unless that
	// is empty. What it returns stays the way's to close.
	ends(ctx context.Context, img open.Image, as string) ([]end, error)
	// takesAll reports whether it takes all images that a place has.
	takesAll() bool
	maps() renames
	close() error
}

// An end is where one image goes.
type end struct {
	sink   *open.Sink
	names  []string // for Commit
	digest v1.Hash  // what it must be there; zero: anything
}

// oneWay leads to one place, to which all images go.
type oneWay struct {
	dst     *open.Sink
	renames renames
	done    func() error
}

func (w *oneWay) close() error { return errors.Join(w.dst.Close(), w.done()) }

func (w *oneWay) maps() renames { return w.renames }

func (w *oneWay) takesAll() bool {
	r := w.dst.Ref
	return r.There().Kind != ref.Registry && r.Image == "" && r.Name == (ref.Name{})
}

func (w *oneWay) ends(_ context.Context, img open.Image, as string) ([]end, error) {
	names, err := namesAs(img.Names, as, w.renames)
	if err != nil {
		return nil, err
	}
	names = w.dst.Names(names)
	return []end{{w.dst, names, w.dst.Digest()}}, fullNames(w.dst.Ref, names)
}

// namesAs is what an image is called that has these names: as, if its line wants
// that, else what r makes of them.
func namesAs(names []string, as string, r renames) ([]string, error) {
	if as == "" {
		return r.all(names)
	}
	n, err := ref.ParseName(as)
	return []string{n.String()}, err
}

// hostAt is the platform of the host that w leads to, or else this one's: an engine
// on another host gets what runs there.
func hostAt(w way, here arch.Platform) arch.Platform {
	one, ok := w.(*oneWay)
	if !ok {
		return here
	}
	far, ok := place.As[interface{ Host() arch.Platform }](one.dst.Sink)
	if !ok || far.Host().OS == "" {
		return here
	}
	return far.Host()
}

// manyWays lead to repositories of a registry, by the name of each image.
type manyWays struct {
	doors  *open.Doors
	target *pushTarget // nil: an image goes where its own name says
	sinks  map[ref.Name]*open.Sink
	roots  map[string]v1.Hash // by full name
}

func newManyWays(doors *open.Doors, target *pushTarget) *manyWays {
	return &manyWays{doors, target, map[ref.Name]*open.Sink{}, map[string]v1.Hash{}}
}

func (w *manyWays) maps() renames {
	if w.target == nil {
		return nil
	}
	return w.target.renames
}

func (w *manyWays) takesAll() bool { return true }

func (w *manyWays) close() error {
	var errs []error
	for _, s := range w.sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (w *manyWays) ends(ctx context.Context, img open.Image, as string) ([]end, error) {
	names := img.Names
	if as != "" {
		names = []string{as}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no name: push it alone, with a name to go to", img.Root.Digest)
	}
	var ends []end
	for _, name := range names {
		n, err := ref.ParseName(name)
		if as == "" && (err != nil || !strings.ContainsRune(name, '/')) {
			err = &usageError{&hintedError{fmt.Errorf("%q is a tag without a repository", name), "push it alone, with a name to go to"}}
		}
		if err == nil && w.target != nil {
			n, err = w.target.at(n, as == "")
		}
		if err != nil {
			return nil, err
		}
		e, err := w.end(ctx, n, img.Root.Digest)
		if err != nil {
			return nil, err
		}
		ends = append(ends, e)
	}
	return ends, nil
}

// end opens the repository of n.
func (w *manyWays) end(ctx context.Context, n ref.Name, root v1.Hash) (_ end, err error) {
	if other, ok := w.roots[n.String()]; ok && other != root {
		return end{}, &transfer.NameError{Name: n.String(), A: other, B: root}
	}
	w.roots[n.String()] = root
	r := ref.Ref{Kind: ref.Registry, Name: n, Explicit: true}
	s, ok := w.sinks[n.Base()]
	if !ok {
		if s, err = w.doors.Sink(ctx, r); err != nil {
			return end{}, err
		}
		w.sinks[n.Base()] = s
	}
	s = &open.Sink{Sink: s.Sink, Ref: r}
	return end{sink: s, names: s.Names(nil)}, nil
}

// fullNames fails if a place that holds images by full names would get one that
// is a mere tag, as layouts have them.
func fullNames(to ref.Ref, names []string) error {
	if k := to.There().Kind; k != ref.Store && k != ref.DockerDaemon && k != ref.ContainersStorage {
		return nil
	}
	for _, n := range names {
		if !strings.ContainsRune(n, '/') {
			return &usageError{&hintedError{
				fmt.Errorf("%q is a tag without a repository", n),
				"say what to call it: " + to.String() + "NAME",
			}}
		}
	}
	return nil
}
