package archive_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place/archive"
)

// TestAgain writes an archive over itself: nothing is asked for, and nothing changes.
func TestAgain(t *testing.T) {
	for _, form := range []archive.Form{archive.Hybrid, archive.OCI, archive.Docker} {
		t.Run(string(form), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "images.tar")
			img := large(t)
			if err := write(t.Context(), create(t, path, archive.Options{As: form}), 0, img); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			skipped := map[v1.Hash]bool{}
			w := create(t, path, archive.Options{As: form, Events: func(e event.Event) {
				if e.Kind == event.Skip {
					skipped[e.Blob.Digest] = true
				}
			}})
			p, _ := plan(0, img)
			todo, err := w.Plan(t.Context(), p)
			if err != nil || len(todo) > 0 || len(skipped) != 2 {
				t.Errorf("%d blobs are wanted, %d are skipped, %v", len(todo), len(skipped), err)
			}
			for _, b := range p.Blobs {
				if has, err := w.Has(t.Context(), b); err != nil || !has {
					t.Errorf("Has %s: %v, %v", b.Digest, has, err)
				}
				if err := w.Put(t.Context(), b, nil); err != nil {
					t.Error(err)
				}
			}
			if err := w.Commit(t.Context(), img.Root, name); err != nil {
				t.Error(err)
			}
			if w.Partial() != "" {
				t.Errorf("there is a %s", w.Partial())
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if fi, err := os.Stat(path); err != nil || !fi.ModTime().Equal(old) {
				t.Errorf("it was written again: %v", err)
			}
		})
	}
}

// TestNotAgain changes one byte of an archive, anywhere: it is written again.
func TestNotAgain(t *testing.T) {
	img := large(t)
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := write(t.Context(), create(t, path, archive.Options{}), 0, img); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int{
		"a header": 10, "the index": 1024 + 520, "content": len(whole) / 2, "padding": len(whole) - 1024 - 1, "the end": len(whole) - 1,
	} {
		t.Run(name, func(t *testing.T) {
			bad := append([]byte(nil), whole...)
			bad[at] ^= 1
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := write(t.Context(), create(t, path, archive.Options{}), 0, img); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != string(whole) {
				t.Errorf("it is not mended: %v", err)
			}
		})
	}
}
