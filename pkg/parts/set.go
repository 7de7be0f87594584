package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/dray-oci/dray/pkg/blob"
)

// A Set is a file that is read from its parts, where they lie. That they are all
// there in their full size is found out when it is opened; what they hold, only by
// [Set.Verify] and [Set.Check], which read them. Its methods but Close are safe for
// concurrent use.
type Set struct {
	*Document
	cut     Cut
	index   string // path of the document
	members []member
	handles handles

	mu    sync.Mutex
	tried map[int]*Fault // by the number of a part that was verified; nil: it is good
}

var _ io.ReaderAt = (*Set)(nil)

// A member is one file of a set: its parts first, then its parity.
type member struct {
	Part
	number int // from 1, of its kind
	parity bool
	path   string
	info   fs.FileInfo // nil if it is not there in its full size
}

// Open opens the set whose document is at path. The error is a [*FaultsError] if
// parts are missing or have another size; it wraps place.ErrNotFound if there is no
// document, and place.ErrInvalid if that cannot be understood. Parity is not looked at.
func Open(path string) (*Set, error) {
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	var faults []*Fault
	for i := range s.members[:len(s.Parts)] {
		if f := s.look(i); f != nil {
			faults = append(faults, f)
		}
	}
	if len(faults) > 0 {
		return nil, s.error(faults)
	}
	return s, nil
}

// load reads the document at path.
func load(path string) (*Set, error) {
	d, file, err := Read(path)
	if err != nil {
		return nil, err
	}
	s := &Set{Document: d, cut: d.Cut(), index: path}
	for i, p := range d.Parts {
		s.members = append(s.members, member{Part: p, number: i + 1, path: Name(file, i)})
	}
	for i, p := range d.Parity {
		s.members = append(s.members, member{Part: p, number: i + 1, parity: true, path: ParityName(file, i)})
	}
	for i, m := range s.members {
		s.members[i].Name = filepath.Base(m.path) // as it is called here
	}
	return s, nil
}

// error makes one error of faults; nil if there are none.
func (s *Set) error(faults []*Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &FaultsError{Faults: faults, Index: s.index, Data: len(s.Parts), Spare: len(s.Parity)}
}

// look finds out whether member i is there in its full size.
func (s *Set) look(i int) *Fault {
	m := &s.members[i]
	fi, err := os.Stat(m.path)
	switch {
	case err != nil:
	case !fi.Mode().IsRegular():
		err = errors.New("it is no regular file")
	case fi.Size() != m.Size:
		err = invalidError(fmt.Sprintf("it has %d bytes instead of %d", fi.Size(), m.Size))
	default:
		m.info = fi
		return nil
	}
	return s.fault(*m, err)
}

// Index returns the path of the document.
func (s *Set) Index() string { return s.index }

// Paths returns the paths of the parts, and then of the parity.
func (s *Set) Paths() []string {
	paths := make([]string, 0, len(s.members))
	for _, m := range s.members {
		paths = append(paths, m.path)
	}
	return paths
}

// ReadAt reads from the parts. An error says which one it is about.
func (s *Set) ReadAt(p []byte, offset int64) (n int, err error) {
	for sp := range s.cut.Spans(offset, int64(len(p))) {
		got, err := s.readPart(sp.Part, p[n:n+int(sp.N)], sp.At)
		n += got
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s *Set) readPart(i int, p []byte, at int64) (int, error) {
	f, err := s.handles.take(i, s.openPart)
	if err != nil {
		return 0, s.fault(s.members[i], err)
	}
	defer s.handles.give(i)
	n, err := f.ReadAt(p, at)
	if n == len(p) {
		return n, nil
	}
	return n, s.fault(s.members[i], noEOF(err))
}

// noEOF keeps a part that has been cut meanwhile from passing for the end of the whole.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return invalidError("it was cut while it was read")
	}
	return err
}

// openPart opens member i, which must still be the file that it was.
func (s *Set) openPart(i int) (*os.File, error) {
	m := s.members[i]
	f, err := os.Open(m.path)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && (m.info == nil || !os.SameFile(fi, m.info) || fi.Size() != m.Size) {
		err = invalidError("another file has taken its place")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// File opens the part in which n bytes from offset on lie, and returns where in it;
// nil if they lie in several, or it cannot be opened. The caller closes it.
func (s *Set) File(offset, n int64) (f *os.File, at int64) {
	for sp := range s.cut.Spans(offset, n) {
		if sp.N != n {
			return nil, 0
		}
		f, err := s.openPart(sp.Part)
		if err != nil {
			return nil, 0 // ReadAt will say why
		}
		return f, sp.At
	}
	return nil, 0
}

// Verify reads the parts in which n bytes from offset on lie, whole, and returns a
// [*FaultsError] that names those which are not what the document says. Each part is
// read once, however often it is asked for.
func (s *Set) Verify(ctx context.Context, offset, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []*Fault
	for sp := range s.cut.Spans(offset, n) {
		f, done := s.tried[sp.Part]
		if !done {
			var err error
			if f, err = s.verify(ctx, sp.Part, io.Discard); err != nil {
				return err
			}
			if s.tried == nil {
				s.tried = map[int]*Fault{}
			}
			s.tried[sp.Part] = f
		}
		if f != nil {
			faults = append(faults, f)
		}
	}
	return s.error(faults)
}

// verify reads member i whole, also into w, after look. Whatever is wrong with it is a
// fault; an error is one of ctx or w.
func (s *Set) verify(ctx context.Context, i int, w io.Writer) (*Fault, error) {
	m := s.members[i]
	f, err := s.openPart(i)
	if err != nil {
		return s.fault(m, err), nil
	}
	defer f.Close()
	out := &sink{w: w}
	sum := sha256.New()
	n, err := blob.Copy(ctx, io.MultiWriter(sum, out), f)
	switch {
	case context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case out.err != nil:
		return nil, out.err
	case err != nil:
		return s.fault(m, err), nil
	case n != m.Size || hexSum(sum) != m.SHA256:
		return s.fault(m, errContent), nil
	}
	return nil, nil
}

// A sink remembers that writing failed, as opposed to reading.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if err != nil {
		s.err = err
	}
	return n, err
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// Close closes the parts.
func (s *Set) Close() error { return s.handles.close() }
