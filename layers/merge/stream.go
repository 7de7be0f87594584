package merge

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
)

// A Writer takes the files of a tree.
type Writer interface {
	// Add takes a file or folder. Content is that of a regular file, f.Size bytes, and nil
	// for all else; a nil f is a folder that no layer lists.
	Add(name string, f *File, content io.Reader) error
	// Link takes another name of a file that was added.
	Link(name, target string, f *File) error
}

// A Stream carries the files of a tree to w. Each layer that has something to give is
// read once more, from the bottom; open opens it as a plain tar.
type Stream struct {
	Tree *Tree
	Open func(ctx context.Context, layer int) (io.ReadCloser, error)
	// Upper says that there are layers below the tree: folders that it does not list are
	// theirs, and left out.
	Upper bool
}

// To writes everything to w in the order of the layers and of the entries within
// them, but every folder before what stands in it. It fails with [ErrInvalid] if there
// is a hard link without a file.
func (s Stream) To(ctx context.Context, w Writer) error {
	r := &run{w: w, upper: s.Upper, folders: map[string]*File{}, done: map[string]bool{}, primary: map[*File]string{}}
	if root := s.Tree.Root(); root.File != nil {
		if err := w.Add(".", root.File, nil); err != nil {
			return err
		}
	}
	if err := r.plan(s.Tree); err != nil {
		return err
	}
	for layer, todo := range r.todo {
		if len(todo) == 0 {
			continue
		}
		if err := s.layer(ctx, r, layer, todo); err != nil {
			return err
		}
	}
	return nil
}

// A step is what is written when a certain entry of a layer is reached.
type step struct {
	index   int
	name    string
	file    *File
	content bool // the entry has the content of the file
}

// run is one run of a Stream.
type run struct {
	w       Writer
	upper   bool
	todo    [][]step // by layer, in order of entries
	folders map[string]*File
	done    map[string]bool
	primary map[*File]string // the name under which a file is written; the others link to it
}

func (r *run) plan(t *Tree) error {
	for e := range t.All() {
		if e.File.IsDir() {
			r.folders[e.Name] = e.File
		} else if e.File.Type == tar.TypeLink {
			return fmt.Errorf("%.200q is a hard link to %.200q, which is not there: %w", e.Name, e.File.Link, ErrInvalid)
		} else if _, ok := r.primary[e.File]; !ok || e.isOriginal() {
			r.primary[e.File] = e.Name
		}
	}
	for e := range t.All() {
		layer, s := e.Layer, step{index: e.Index, name: e.Name, file: e.File}
		if !e.File.IsDir() && r.primary[e.File] == e.Name {
			layer, s.index, s.content = e.File.Layer, e.File.Index, e.File.Type == tar.TypeReg
		}
		for len(r.todo) <= layer {
			r.todo = append(r.todo, nil)
		}
		r.todo[layer] = append(r.todo[layer], s)
	}
	for _, steps := range r.todo {
		slices.SortStableFunc(steps, func(a, b step) int {
			if a.index == b.index && a.content != b.content { // the file before its other names
				return map[bool]int{true: -1, false: 1}[a.content]
			}
			return a.index - b.index
		})
	}
	return nil
}

// isOriginal: the name is the one under which the layer brought the file.
func (e Entry) isOriginal() bool { return e.Layer == e.File.Layer && e.Index == e.File.Index }

// layer does what is to do of one layer, and opens it only for content.
func (s Stream) layer(ctx context.Context, r *run, layer int, todo []step) error {
	if !slices.ContainsFunc(todo, func(s step) bool { return s.content && s.file.Size > 0 }) {
		return r.upTo(&todo, -1, nil)
	}
	rc, err := s.Open(ctx, layer)
	if err != nil {
		return err
	}
	err = Entries(ctx, rc, func(i int, _ *tar.Header, content io.Reader) error { return r.upTo(&todo, i, content) })
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = r.upTo(&todo, -1, nil)
	}
	return err
}

// upTo does the steps up to entry i, which has content; all of them if i is negative.
func (r *run) upTo(todo *[]step, i int, content io.Reader) error {
	for len(*todo) > 0 && (i < 0 || (*todo)[0].index <= i) {
		s := (*todo)[0]
		*todo = (*todo)[1:]
		if s.content && s.file.Size > 0 && (i < 0 || s.index != i) {
			return fmt.Errorf("%.200q: the layer is not the one that was read before: %w", s.name, ErrInvalid)
		}
		if err := r.step(s, content); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) step(s step, content io.Reader) error {
	if r.done[s.name] {
		return nil
	}
	if err := r.parents(path.Dir(s.name)); err != nil {
		return err
	}
	switch {
	case s.file.IsDir():
		return r.folder(s.name, s.file)
	case r.primary[s.file] != s.name:
		return r.w.Link(s.name, r.primary[s.file], s.file)
	case s.content && s.file.Size > 0:
		return r.w.Add(s.name, s.file, &exactly{r: content, n: s.file.Size})
	case s.content:
		return r.w.Add(s.name, s.file, &exactly{})
	}
	return r.w.Add(s.name, s.file, nil)
}

// parents writes the folder dir and those above it that were not written yet.
func (r *run) parents(dir string) error {
	if dir == "." || r.done[dir] {
		return nil
	}
	if err := r.parents(path.Dir(dir)); err != nil {
		return err
	}
	return r.folder(dir, r.folders[dir])
}

func (r *run) folder(name string, f *File) error {
	r.done[name] = true
	if f == nil && r.upper {
		return nil
	}
	return r.w.Add(name, f, nil)
}

// exactly reads n bytes of r, and takes an earlier end for what it is.
type exactly struct {
	r io.Reader
	n int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.n)])
	e.n -= int64(n)
	switch {
	case err == io.EOF && e.n > 0:
		err = fmt.Errorf("reading tar: %w: %w", io.ErrUnexpectedEOF, ErrInvalid)
	case err == io.EOF:
		err = nil
	}
	return n, err
}

// A TarWriter writes a tree as a tar.
type TarWriter struct {
	w   *tar.Writer
	buf []byte // made when first needed
}

// NewTarWriter returns a writer of a tar to w. Equal trees give equal bytes.
func NewTarWriter(w io.Writer) *TarWriter { return &TarWriter{w: tar.NewWriter(w)} }

// Add writes a file.
func (t *TarWriter) Add(name string, f *File, content io.Reader) error {
	if err := t.header(f.Header(name)); err != nil {
		return err
	}
	if content == nil {
		return nil
	}
	return t.copy(content)
}

// copyBytes is how much is copied at once. io.Copy would make a buffer for each file.
const copyBytes = 64 << 10

func (t *TarWriter) copy(content io.Reader) error {
	if t.buf == nil {
		t.buf = make([]byte, copyBytes)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{t.w}, struct{ io.Reader }{content}, t.buf)
	return err
}

// Link writes a hard link.
func (t *TarWriter) Link(name, target string, f *File) error {
	h := f.Header(name)
	h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
	return t.header(h)
}

// Mark writes a whiteout.
func (t *TarWriter) Mark(m Mark) error {
	dir, base := path.Split(m.Name)
	name := dir + Whiteout + base
	if m.Opaque {
		name = path.Join(m.Name, OpaqueMark)
	}
	return t.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644})
}

func (t *TarWriter) header(h *tar.Header) error {
	if err := t.w.WriteHeader(h); err != nil {
		return fmt.Errorf("writing tar: %.200q: %w", h.Name, err)
	}
	return nil
}

// Close ends the tar. It does not close what it was written to.
func (t *TarWriter) Close() error { return t.w.Close() }

// Raw writes an entry as h has it, with its content.
func (t *TarWriter) Raw(h *tar.Header, content io.Reader) error {
	if err := t.header(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	return t.copy(content)
}
