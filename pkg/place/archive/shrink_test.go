package archive_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// several images; the first two share a layer.
func several(t testing.TB) []named {
	t.Helper()
	var all []named
	for i, spec := range []placetest.ImageSpec{
		{Layers: []int{40_000, 500_000}}, {Layers: []int{40_000, 3000, 700}}, {Seed: 7, Layers: []int{90_000, 1}}, {Seed: 9, Layers: []int{20_000}},
	} {
		all = append(all, named{placetest.Image(t, spec), []string{name + string(rune('a'+i))}})
	}
	return all
}

// TestPlannedAgain takes each image in turn out of an archive that has all the
// content of the others, which must then be as if it had never been planned.
func TestPlannedAgain(t *testing.T) {
	all := several(t)
	for out := range all {
		var rest []named
		for i, img := range all {
			if i != out {
				rest = append(rest, img)
			}
		}
		dir := t.TempDir()
		w := create(t, filepath.Join(dir, "a.tar"), archive.Options{})
		p, _ := plan(0, all...)
		todo, err := w.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		less, content := plan(1, rest...)
		for _, d := range todo {
			if raw, ok := content[d.Digest]; ok {
				if err := w.Put(t.Context(), d, blob.Bytes(raw)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if todo, err = w.Plan(t.Context(), less); err != nil || len(todo) > 0 {
			t.Fatalf("without image %d: %d blobs are asked for again, %v", out, len(todo), err)
		}
		for _, r := range less.Roots {
			if err := w.Commit(t.Context(), r.Descriptor, r.Names...); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		isAsWritten(t, dir, rest)
	}
}

// isAsWritten holds a.tar, the one file in dir, against an archive of images.
func isAsWritten(t *testing.T, dir string, images []named) {
	t.Helper()
	var want bytes.Buffer
	if err := write(t.Context(), stream(t, &want, archive.Options{}), 0, images...); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "a.tar"))
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%d bytes, want others, %d of them: %v", len(got), want.Len(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("there is %v, %v", entries, err)
	}
}

// TestPlannedAgainStands finds that the smaller archive is there already.
func TestPlannedAgainStands(t *testing.T) {
	all, dir := several(t), t.TempDir()
	path := filepath.Join(dir, "a.tar")
	if err := write(t.Context(), create(t, path, archive.Options{}), 0, all[:2]...); err != nil {
		t.Fatal(err)
	}
	w := create(t, path, archive.Options{})
	p, content := plan(0, all...)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put(t.Context(), todo[0], blob.Bytes(content[todo[0].Digest])); err != nil {
		t.Fatal(err)
	}
	less, _ := plan(0, all[:2]...)
	if todo, err := w.Plan(t.Context(), less); err != nil || len(todo) > 0 {
		t.Errorf("%d blobs are asked for, %v", len(todo), err)
	}
	for _, r := range less.Roots {
		err = errors.Join(err, w.Commit(t.Context(), r.Descriptor, r.Names...))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	isAsWritten(t, dir, all[:2])
}

// TestPlannedAgainPacked starts from nothing.
func TestPlannedAgainPacked(t *testing.T) {
	all, dir := several(t), t.TempDir()
	path := filepath.Join(dir, "a.tar.gz")
	w, err := archive.CreatePacked(path, compress.Gzip, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, content := plan(0, all...)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put(t.Context(), todo[0], blob.Bytes(content[todo[0].Digest])); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), w, 0, all[1:]...); err != nil {
		t.Fatal(err)
	}
	a := open(t, path, archive.ReadOptions{})
	defer a.Close()
	if _, err := a.Resolve(t.Context(), all[3].names[0]); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("there is %v, %v", entries, err)
	}
}
