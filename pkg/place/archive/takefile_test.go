package archive_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
)

// TestPutOfAKnownFile puts a layer that lies in a file which is known to hold it. The
// system copies that, and nobody reads it; otherwise other bytes would be noticed.
func TestPutOfAKnownFile(t *testing.T) {
	img := large(t)
	layer := img.Order[0]
	whole := filepath.Join(t.TempDir(), "whole.tar")
	if err := write(t.Context(), create(t, whole, archive.Options{}), 0, img); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(img.Bytes[layer.Digest])
	other[len(other)/2]++
	for name, tt := range map[string]struct {
		file  []byte
		known bool
		same  bool // as the whole archive
		err   error
	}{
		"known":            {img.Bytes[layer.Digest], true, true, nil},
		"not known":        {img.Bytes[layer.Digest], false, true, nil},
		"known, and wrong": {other, true, false, nil},
		"wrong":            {other, false, false, blob.ErrMismatch},
		"longer":           {append(bytes.Clone(other), 'x'), true, false, blob.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.known && !memo.Remembers {
				t.Skip("nothing is known of files here")
			}
			dir := t.TempDir()
			file, path := filepath.Join(dir, "layer"), filepath.Join(dir, "a.tar")
			if err := os.WriteFile(file, tt.file, 0o600); err != nil {
				t.Fatal(err)
			}
			o := archive.Options{Verified: memo.NewVerified(filepath.Join(dir, "memory"))}
			if fi, err := os.Stat(file); err != nil {
				t.Fatal(err)
			} else if tt.known {
				o.Verified.Put(fi, layer.Digest.String())
				if err := o.Verified.Save(); err != nil {
					t.Fatal(err)
				}
			}
			w := create(t, path, o)
			p, content := plan(0, img)
			err := put(t, w, p, func(d v1.Descriptor) blob.Opener {
				if d.Digest == layer.Digest {
					return blob.File(file)
				}
				return blob.Bytes(content[d.Digest])
			})
			if !errors.Is(err, tt.err) {
				t.Fatal(err)
			}
			if tt.err != nil {
				return
			}
			if got, err := os.ReadFile(path); err != nil || bytes.Equal(got, want) != tt.same {
				t.Errorf("the archive is as it should be: %v, %v", !tt.same, err)
			}
		})
	}
}

func put(t *testing.T, w *archive.Writer, p place.Plan, open func(v1.Descriptor) blob.Opener) error {
	t.Helper()
	todo, err := w.Plan(t.Context(), p)
	for _, d := range todo {
		err = errors.Join(err, w.Put(t.Context(), d, open(d)))
	}
	if err == nil {
		err = w.Commit(t.Context(), p.Roots[0].Descriptor, p.Roots[0].Names...)
	}
	return errors.Join(err, w.Close())
}
