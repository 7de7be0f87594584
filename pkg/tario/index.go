package tario

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Bounds on a tar from outside. An archive of 10,000 images has some 100,000
// members.
const (
	maxMembers    = 200_000
	maxNamesBytes = 32 << 20 // of all names and links together
	maxHops       = 8
)

// A Member is a regular file in a tar.
type Member struct {
	Name   string // cleaned, see CleanName
	Offset int64  // of its content
	Size   int64
}

// A Table finds the members of a tar by name. It is safe for concurrent use.
type Table struct {
	entries map[string]entry
	files   []Member
	ends    bool
	end     int64 // of the last member
}

// entry is what one name stands for: a file, a link, or neither (a folder).
type entry struct {
	Member
	typ  byte
	link string // cleaned name that a link leads to; "" if it leads out of the tar
}

// Index reads the headers of the tar in the first size bytes of r, and not the
// content between them. The time it takes grows with the number of members, not
// with their size. Members that are sparse, that have no acceptable name, or
// that share a name and are not equal, make it fail with [ErrInvalid], as does a
// tar that ends within a member.
func Index(ctx context.Context, r io.ReaderAt, size int64) (*Table, error) {
	x := indexer{r: r, table: &Table{entries: map[string]entry{}}}
	sec := io.NewSectionReader(r, 0, size)
	tr := tar.NewReader(sec)
	for end := int64(0); ; {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			now, err := sec.Seek(0, io.SeekCurrent)
			x.table.ends, x.table.end = now > end, end
			return x.table, err
		}
		if err != nil {
			return nil, fmt.Errorf("reading tar: %w: %w", ErrInvalid, err)
		}
		offset, err := sec.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		switch h.Typeflag {
		case tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo:
			h.Size = 0 // whatever it says, no content follows
		}
		if h.Size > size-offset {
			return nil, fmt.Errorf("reading tar: %.100q: %d of %d bytes are there: %w", h.Name, size-offset, h.Size, ErrInvalid)
		}
		if err := x.add(ctx, h, offset); err != nil {
			return nil, fmt.Errorf("reading tar: %w", err)
		}
		end = offset + h.Size + Padding(h.Size)
	}
}

// End returns where the last member ends, padding included. What follows is the end of
// the tar: two blocks of zeros, and in most tars some more.
func (t *Table) End() int64 { return t.end }

// An indexer makes a Table.
type indexer struct {
	r     io.ReaderAt
	table *Table
	names int // bytes
}

func (x *indexer) add(ctx context.Context, h *tar.Header, offset int64) error {
	e, err := newEntry(h, offset)
	if err != nil {
		return err
	}
	x.names += len(e.Name) + len(e.link)
	if len(x.table.entries) >= maxMembers || x.names > maxNamesBytes {
		return fmt.Errorf("more than %d members, or %d bytes of names: %w", maxMembers, maxNamesBytes, ErrInvalid)
	}
	old, twice := x.table.entries[e.Name]
	if !twice {
		x.table.entries[e.Name] = e
		if e.typ == tar.TypeReg {
			x.table.files = append(x.table.files, e.Member)
		}
		return nil
	}
	same, err := x.equal(ctx, old, e)
	if err == nil && !same {
		err = fmt.Errorf("%.100q stands twice, with different content: %w", e.Name, ErrInvalid)
	}
	return err
}

func newEntry(h *tar.Header, offset int64) (entry, error) {
	name, err := CleanName(h.Name)
	if err != nil {
		return entry{}, err
	}
	e := entry{Member{Name: name, Offset: offset, Size: h.Size}, h.Typeflag, ""}
	switch h.Typeflag {
	case tar.TypeReg:
		for key := range h.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return entry{}, fmt.Errorf("%.100q is sparse: %w", name, ErrInvalid)
			}
		}
	case tar.TypeGNUSparse:
		return entry{}, fmt.Errorf("%.100q is sparse: %w", name, ErrInvalid)
	case tar.TypeSymlink:
		e.link = linkTarget(path.Join(path.Dir(name), h.Linkname), h.Linkname)
	case tar.TypeLink:
		e.link = linkTarget(h.Linkname, "")
	}
	return e, nil
}

// linkTarget returns "" where the link leads out of the tar: it may stand there,
// as long as nobody follows it.
func linkTarget(target, symlink string) string {
	if strings.HasPrefix(symlink, "/") {
		return ""
	}
	clean, err := CleanName(target)
	if err != nil {
		return ""
	}
	return clean
}

// equal compares two members of one name.
func (x *indexer) equal(ctx context.Context, a, b entry) (bool, error) {
	if a.typ != b.typ || a.link != b.link || a.Size != b.Size {
		return false, nil
	}
	if a.typ != tar.TypeReg {
		return true, nil
	}
	return equalContent(ctx, io.NewSectionReader(x.r, a.Offset, a.Size), io.NewSectionReader(x.r, b.Offset, b.Size))
}

// Find returns the file that name stands for, links followed. The error wraps
// [fs.ErrNotExist] if there is none, and [ErrInvalid] if there is something else.
func (t *Table) Find(name string) (Member, error) {
	clean, err := CleanName(name)
	if err != nil {
		return Member{}, err
	}
	for range maxHops + 1 {
		e, ok := t.entries[clean]
		switch {
		case !ok:
			return Member{}, fmt.Errorf("%.100q: %w", name, fs.ErrNotExist)
		case e.typ == tar.TypeReg:
			return e.Member, nil
		case e.link == "":
			return Member{}, fmt.Errorf("%.100q is no file: %w", name, ErrInvalid)
		}
		clean = e.link
	}
	return Member{}, fmt.Errorf("%.100q: more than %d links: %w", name, maxHops, ErrInvalid)
}

// Ends reports whether the tar has the zeros that end one. Without them it may
// have been cut between two members.
func (t *Table) Ends() bool { return t.ends }

// Files returns the regular files of the tar in its order.
func (t *Table) Files() []Member { return t.files }
