package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/parts"
)

// publishSet gives the parts their names, and writes their document last of all.
func (p *partial) publishSet(ctx context.Context) error {
	if len(p.o.Only) > 0 {
		return p.publishSome(ctx)
	}
	doc, err := p.file.Describe(ctx, p.final, p.events)
	if err == nil && len(p.parity) > 0 {
		doc.Parity, err = p.file.WriteParity(ctx, p.final, p.parity, p.events)
	}
	if err != nil {
		return err
	}
	return p.replaceSet(doc)
}

// replaceSet puts the set of doc in the place of the one that may be there. While
// some parts are old and some new there is no document, so that nobody reads them.
func (p *partial) replaceSet(doc *parts.Document) error {
	index := parts.Index(p.final)
	old := p.surplus(doc)
	if err := p.closeFiles(); err != nil {
		return err
	}
	if err := os.Remove(index); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(p.final)
	for _, part := range slices.Concat(doc.Parts, doc.Parity) {
		path := filepath.Join(dir, part.Name)
		if err := os.Rename(path+".partial", path); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := doc.Write(index); err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(dir)
}

// surplus returns the parts that are listed for the set that is there now, and not by doc.
func (p *partial) surplus(doc *parts.Document) []string {
	old, file, err := parts.Read(parts.Index(p.final))
	if err != nil || file != p.final {
		return nil
	}
	var paths []string
	for i := len(doc.Parts); i < len(old.Parts); i++ {
		paths = append(paths, parts.Name(file, i))
	}
	for i := len(doc.Parity); i < len(old.Parity); i++ {
		paths = append(paths, parts.ParityName(file, i))
	}
	return paths
}

// publishSome gives the parts their names that were asked for alone, if they are what
// the document says, where there is one.
func (p *partial) publishSome(ctx context.Context) error {
	var written []string
	err := p.file.Each(func(i int, _ *os.File) error {
		sum, err := p.file.Sum(ctx, i)
		if err != nil {
			return err
		}
		path := parts.Name(p.final, i)
		written = append(written, path)
		p.events.Emit(event.Event{Kind: event.Note, N: p.file.Len(i), Text: fmt.Sprintf("part %d of %d, %s: %d bytes, sha256:%s", i+1, p.file.Count(), filepath.Base(path), p.file.Len(i), sum)})
		if p.doc != nil && p.doc.Parts[i].SHA256 != sum {
			return p.spoilt(i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.closeFiles(); err != nil {
		return err
	}
	for _, path := range written {
		if err := os.Rename(path+".partial", path); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(p.final))
}

// spoilt says that part i came out as another one than the document has. What was
// written is forgotten: to go on from there would not make it better.
func (p *partial) spoilt(i int) error {
	p.spoiled = true
	return &CutError{parts.Index(p.final), fmt.Sprintf("part %d of %d, %s, comes out differently", i+1, p.file.Count(), filepath.Base(parts.Name(p.final, i)))}
}
