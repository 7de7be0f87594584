package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// in cuts an archive into parts of size bytes.
func in(size int64) archive.Options { return archive.Options{Parts: archive.Parts{Size: size}} }

func TestPartsAreAPlace(t *testing.T) {
	placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
		path := filepath.Join(t.TempDir(), "images.tar")
		return placetest.Doors{
			Sink: func(t *testing.T) place.Sink { return create(t, path, in(15_000)) },
			Source: func(t *testing.T) place.Source {
				a, err := archive.Open(t.Context(), path, archive.ReadOptions{})
				if errors.Is(err, place.ErrNotFound) {
					return nil
				}
				if err != nil {
					t.Fatal(err)
				}
				return a
			},
			Name: name,
		}
	}})
}

// whole returns the archive of images as one file has it.
func whole(t testing.TB, images ...named) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := write(t.Context(), stream(t, &buf, archive.Options{}), 0, images...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// isSet holds the files beside path against content cut into parts of size bytes.
func isSet(t testing.TB, path string, content []byte, size, parity int) {
	t.Helper()
	var want []string
	var got []byte
	for i := range (len(content)-1)/size + 1 {
		name := parts.Name(path, i)
		want = append(want, filepath.Base(name))
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
	}
	for i := range parity {
		want = append(want, filepath.Base(parts.ParityName(path, i)))
	}
	want = append([]string{filepath.Base(parts.Index(path))}, want...)
	if !bytes.Equal(got, content) {
		t.Errorf("%d bytes in parts of %d are not the %d of the file", len(got), size, len(content))
	}
	if diff := cmp.Diff(want, inFolder(t, path)); diff != "" {
		t.Errorf("in the folder: %s", diff)
	}
	if _, err := parts.Check(t.Context(), parts.Index(path), nil); err != nil {
		t.Error(err)
	}
}

func TestPartsAreTheFile(t *testing.T) {
	all := several(t)
	want := whole(t, all...)
	for seed, size := range []int{len(want), len(want) - 1, 4096, 50_000, 99_999, 1_000_000} {
		path := filepath.Join(t.TempDir(), "images.tar")
		o := in(int64(size))
		o.Parts.Parity = seed % 3
		if err := write(t.Context(), create(t, path, o), uint64(seed), all...); err != nil {
			t.Fatal(err)
		}
		isSet(t, path, want, size, seed%3)
	}
}

// A set with the same content stands; one byte of any file of it, and it does not.
func TestPartsAgain(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), several(t)[2]
	o := in(40_000)
	o.Parts.Parity = 1
	if err := write(t.Context(), create(t, path, o), 0, img); err != nil {
		t.Fatal(err)
	}
	asked := func() int {
		w := create(t, path, o)
		p, content := plan(0, img)
		todo, err := w.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range todo {
			if err := w.Put(t.Context(), d, blob.Bytes(content[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Commit(t.Context(), img.Root, name+"c"), w.Close()); err != nil {
			t.Fatal(err)
		}
		return len(todo)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path+".001", old, old); err != nil {
		t.Fatal(err)
	}
	if n := asked(); n > 0 {
		t.Errorf("%d blobs of a set that stands", n)
	}
	if fi, err := os.Stat(path + ".001"); err != nil || !fi.ModTime().Equal(old) {
		t.Errorf("it was written again: %v", err)
	}
	for _, name := range []string{path + ".001", path + ".003", path + ".p01", parts.Index(path)} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if asked() == 0 {
			t.Errorf("a set stands whose %s was changed", filepath.Base(name))
		}
		isSet(t, path, whole(t, img), 40_000, 1)
	}
}

// recorded puts what w plans, and returns the ranges that were asked for of each blob.
func recorded(t testing.TB, w *archive.Writer, fail func(d v1.Descriptor) error, img named) (map[v1.Hash][][2]int64, error) {
	t.Helper()
	p, content := plan(0, img)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	var mu sync.Mutex
	asked := map[v1.Hash][][2]int64{}
	for _, d := range todo {
		err := w.Put(t.Context(), d, func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[d.Digest] = append(asked[d.Digest], [2]int64{off, n})
			if err := fail(d); err != nil {
				return cutting(content[d.Digest], off+n/2, func() error { return err })(ctx, off, -1)
			}
			return blob.Bytes(content[d.Digest])(ctx, off, n)
		})
		if err != nil {
			return asked, errors.Join(err, w.Close())
		}
	}
	return asked, errors.Join(w.Commit(t.Context(), img.Root, img.names...), w.Close())
}

func never(v1.Descriptor) error { return nil }

func TestPartsAreContinued(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), large(t)
	o := in(1_000_000)
	w := create(t, path, o)
	p, content := plan(0, img)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Put(t.Context(), todo[0], cutting(content[todo[0].Digest], cutAt, func() error { return errCut }))
	if !errors.Is(err, errCut) || w.Partial() != path+".001.partial" {
		t.Fatalf("%v, %s", err, w.Partial())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if matches, err := filepath.Glob(path + ".00?"); len(matches) > 0 || err != nil {
		t.Errorf("%q are there before all is", matches)
	}
	asked, err := recorded(t, create(t, path, o), never, img)
	if err != nil {
		t.Fatal(err)
	}
	if want := [][2]int64{{cutAt, -1}}; !cmp.Equal(asked[todo[0].Digest], want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	isSet(t, path, whole(t, img), 1_000_000, 0)
}

// What is left of a set that is to be cut in another way, or not at all, goes.
func TestPartsCutAnew(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), large(t)
	sizes := []int64{1_000_000, 2_000_000, 0, 3_000_000}
	for _, size := range sizes {
		w := create(t, path, in(size))
		p, content := plan(0, img)
		todo, err := w.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Put(t.Context(), todo[1], blob.Bytes(content[todo[1].Digest])); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := inFolder(t, path); !cmp.Equal(got, []string{"images.tar.001.partial", "images.tar.002.partial", "images.tar.partial.journal"}) {
		t.Errorf("there is %q", got)
	}
}

// A run that is struck while it gives the parts their names is ended by the next
// one, which fetches nothing.
func TestStruckBetweenNames(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), large(t)
	if err := os.MkdirAll(filepath.Join(path+".003", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := recorded(t, create(t, path, in(1_000_000)), never, img); err == nil {
		t.Fatal("a folder has the name of a part")
	}
	if _, err := os.Stat(path + ".002"); err != nil {
		t.Fatalf("it was not struck in the middle: %v", err)
	}
	if _, err := archive.Open(t.Context(), path, archive.ReadOptions{}); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("what is not whole is read: %v", err)
	}
	if err := os.RemoveAll(path + ".003"); err != nil {
		t.Fatal(err)
	}
	asked, err := recorded(t, create(t, path, in(1_000_000)), never, img)
	if err != nil || len(asked) > 0 {
		t.Errorf("asked for %v, %v", asked, err)
	}
	isSet(t, path, whole(t, img), 1_000_000, 0)
}

func TestPartsPlannedAgain(t *testing.T) {
	all := several(t)
	for _, size := range []int{10_000, 100_000} {
		path := filepath.Join(t.TempDir(), "images.tar")
		o := in(int64(size))
		o.Parts.Parity = 1
		w := create(t, path, o)
		p, content := plan(0, all...)
		todo, err := w.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range todo {
			if err := w.Put(t.Context(), d, blob.Bytes(content[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		less, _ := plan(1, all[1], all[3])
		if todo, err = w.Plan(t.Context(), less); err != nil || len(todo) > 0 {
			t.Fatalf("%d blobs are asked for again, %v", len(todo), err)
		}
		for _, r := range less.Roots {
			err = errors.Join(err, w.Commit(t.Context(), r.Descriptor, r.Names...))
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		isSet(t, path, whole(t, all[1], all[3]), size, 1)
	}
}

func TestTrace(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), large(t)
	if err := write(t.Context(), create(t, path, in(1_000_000)), 0, img); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path+".004", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 500_000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	a := open(t, path, archive.ReadOptions{})
	defer a.Close()
	if sendable(t, a, named{placetest.Content{Order: img.Order[1:]}, nil}.Content) != true {
		t.Error("content in one part is not in a file of its own")
	}
	for i, want := range []string{"part 4 of 6, images.tar.004: its content", ""} {
		d := img.Order[i]
		rc, err := a.Open(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		r := place.Verify(t.Context(), a, rc, d)
		_, err = io.Copy(io.Discard, r)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, blob.ErrMismatch)) {
			t.Errorf("%s: %v", d.Digest, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPartsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file.tar")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, p := range map[string]archive.Parts{
		"parity of nothing": {Parity: 1},
		"parts of nothing":  {Only: []int{1}},
		"less than nothing": {Size: -1},
		"part 0":            {Size: 1, Only: []int{0}},
		"both":              {Size: 1, Parity: 1, Only: []int{1}},
		"too much parity":   {Size: 1, Parity: 256},
	} {
		if _, err := archive.Create(filepath.Join(dir, "a.tar"), archive.Options{Parts: p}); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	if _, err := archive.Create(file, in(1)); err == nil || !strings.Contains(err.Error(), "one piece") {
		t.Errorf("beside a file: %v", err)
	}
	if _, err := archive.NewStream(io.Discard, in(1)); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("a stream: %v", err)
	}
	notes := 0
	o := in(100)
	o.Events = func(event.Event) { notes++ }
	if err := write(t.Context(), create(t, filepath.Join(dir, "b.tar"), o), 0, large(t)); err == nil || !strings.Contains(err.Error(), "256 allowed") {
		t.Errorf("too many parts: %v", err)
	}
	if got := inFolder(t, file); !cmp.Equal(got, []string{"file.tar"}) {
		t.Errorf("%q stays", got)
	}
}
