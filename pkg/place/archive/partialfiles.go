package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/parts"
)

// openFiles opens the files that are written, or makes them.
func (p *partial) openFiles(ctx context.Context, d *drawing) error {
	c, err := p.o.cut(d)
	if err != nil {
		return err
	}
	wanted, err := p.wanted(ctx, c)
	if err != nil {
		return err
	}
	files := make([]*os.File, c.Count())
	p.file = parts.NewFiles(c, files)
	for _, i := range wanted {
		path := p.o.path(p.final, i)
		if err := p.takeBack(path, c.Len(i)); err != nil {
			return err
		}
		if files[i], err = openOurs(path + ".partial"); err != nil {
			return err
		}
	}
	for i := range p.o.Parity {
		f, err := openOurs(parts.ParityName(p.final, i) + ".partial")
		if err != nil {
			return err
		}
		p.parity = append(p.parity, f)
	}
	return nil
}

// wanted returns which parts are to be written, counted from 0: of those that were
// asked for alone, the ones that are not what the document says already.
func (p *partial) wanted(ctx context.Context, c parts.Cut) (wanted []int, err error) {
	if len(p.o.Only) == 0 {
		for i := range c.Count() {
			wanted = append(wanted, i)
		}
		return wanted, nil
	}
	if p.doc, err = p.o.known(p.final, c); err != nil {
		return nil, err
	}
	for i := range c.Count() {
		if !slices.Contains(p.o.Only, i+1) {
			continue
		}
		if p.doc != nil {
			sum, err := parts.SumFile(ctx, parts.Name(p.final, i))
			if ctx.Err() != nil {
				return nil, err
			}
			if err == nil && sum == p.doc.Parts[i].SHA256 {
				p.events.Emit(event.Event{Kind: event.Note, Text: parts.Name(p.final, i) + " is what its document says already"})
				continue
			}
		}
		wanted = append(wanted, i)
	}
	return wanted, nil
}

// takeBack heals what a run left that was struck while it gave parts their names: one
// with its name, though there is no document yet, goes on as a part that is written.
func (p *partial) takeBack(path string, size int64) error {
	if p.o.Size == 0 || len(p.o.Only) > 0 || exists(path+".partial") || !exists(p.path+".journal") || exists(parts.Index(p.final)) {
		return nil
	}
	if fi, err := os.Lstat(path); err != nil || !fi.Mode().IsRegular() || fi.Size() != size {
		return nil
	}
	return os.Rename(path, path+".partial")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeFiles removes the files that are written.
func (p *partial) removeFiles() error {
	var errs []error
	for _, path := range p.paths() {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// paths returns those files that a run may have called so that it wrote, cut as this
// one or not at all.
func (p *partial) paths() []string {
	paths := []string{p.path}
	for i := range parts.MaxShards {
		paths = append(paths, parts.Name(p.final, i)+".partial", parts.ParityName(p.final, i)+".partial")
	}
	return slices.DeleteFunc(paths, func(path string) bool { return !exists(path) })
}

// removeOthers removes the files of an earlier run that this one does not go on with.
func (p *partial) removeOthers() error {
	var ours []string
	_ = p.file.Each(func(_ int, f *os.File) error { // never fails: append
		ours = append(ours, f.Name())
		return nil
	})
	for _, f := range p.parity {
		ours = append(ours, f.Name())
	}
	for _, path := range p.paths() {
		if slices.Contains(ours, path) || notSpecial(path) != nil {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
