package parts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dray-oci/dray/pkg/event"
)

// Repair checks the set whose document is at path as [Check] does, and makes again
// what is lost or damaged of it, if there is parity enough. It returns what was bad, and is good now.
// Files get their names only when they are what the document says, all of them. Too
// much loss is a [*FaultsError]. It reads the set twice and holds 64 MiB at most. It emits what Check does, and Work.
func Repair(ctx context.Context, path string, events event.Handler) ([]*Fault, error) {
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	faults, err := s.check(ctx, events)
	if err != nil || len(faults) == 0 {
		return nil, err
	}
	if len(faults) > len(s.Parity) {
		return nil, fmt.Errorf("%d of %d files are bad, and parity makes up for %d: %w", len(faults), len(s.members), len(s.Parity), s.error(faults))
	}
	r := &repair{set: s, made: map[int]*remade{}}
	err = r.run(ctx, faults, events)
	if err := errors.Join(err, r.close()); err != nil {
		return nil, err
	}
	return faults, nil
}

// A repair is the files that it reads, and those that it makes.
type repair struct {
	set  *Set
	read []*os.File
	made map[int]*remade // by the number of the member
}

type remade struct {
	f    *os.File // by a temporary name
	sum  hash.Hash
	done bool // it has its own name
}

func (r *repair) run(ctx context.Context, faults []*Fault, events event.Handler) error {
	c := &coder{events: events, text: "rebuilding", cut: r.set.cut, data: len(r.set.Parts), in: make([]io.ReaderAt, len(r.set.members)), out: make([]io.Writer, len(r.set.members))}
	for _, f := range faults {
		i := f.Number - 1
		if f.Parity {
			i += len(r.set.Parts)
		}
		tmp, err := os.CreateTemp(filepath.Dir(r.set.members[i].path), "."+r.set.members[i].Name+".*")
		if err != nil {
			return err
		}
		r.made[i] = &remade{f: tmp, sum: sha256.New()}
		c.out[i] = io.MultiWriter(tmp, r.made[i].sum)
	}
	for i := range r.set.members {
		if r.made[i] != nil {
			continue
		}
		f, err := r.set.openPart(i)
		if err != nil {
			return r.set.fault(r.set.members[i], err)
		}
		r.read = append(r.read, f)
		c.in[i] = f
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	return r.rename()
}

// rename gives what was made its names, if all of it is right.
func (r *repair) rename() error {
	for i, m := range r.made {
		if hexSum(m.sum) != r.set.members[i].SHA256 {
			return fmt.Errorf("what the others make of it is something else: %w", r.set.fault(r.set.members[i], errContent))
		}
		if err := errors.Join(m.f.Chmod(0o644), m.f.Sync()); err != nil {
			return err
		}
	}
	for i, m := range r.made {
		// Windows renames no open file.
		err := m.f.Close()
		if err == nil {
			err = os.Rename(m.f.Name(), r.set.members[i].path)
		}
		if err != nil {
			return err
		}
		m.done = true
	}
	return syncDir(filepath.Dir(r.set.index))
}

// syncDir makes the renames in dir last. Windows has no such thing.
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

// close removes what did not get its name.
func (r *repair) close() error {
	var errs []error
	for _, f := range r.read {
		errs = append(errs, f.Close())
	}
	for _, m := range r.made {
		if !m.done {
			_ = m.f.Close() // it is thrown away, or closed
			errs = append(errs, os.Remove(m.f.Name()))
		}
	}
	return errors.Join(errs...)
}
