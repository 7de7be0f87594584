package ocidir_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestPlace(t *testing.T) {
	for _, name := range []string{"1.0", "example.com/team/app:1.0"} {
		placetest.Run(t, placetest.Place{New: func(t *testing.T) placetest.Doors {
			path := filepath.Join(t.TempDir(), "layout")
			return placetest.Doors{
				Sink:   func(*testing.T) place.Sink { return ocidir.New(path, nil) },
				Source: func(*testing.T) place.Source { return ocidir.New(path, nil) },
				Name:   name,
			}
		}})
	}
}

func put(t *testing.T, d *ocidir.Dir, c placetest.Content, names ...string) {
	t.Helper()
	for _, b := range c.Order {
		if err := d.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(t.Context(), c.Root, names...); err != nil {
		t.Fatal(err)
	}
}

func TestNothingOfOursStays(t *testing.T) {
	path := t.TempDir()
	d := ocidir.New(path, nil)
	put(t, d, placetest.Image(t, placetest.ImageSpec{}), "1")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := len(names); got != 3 {
		t.Errorf("there is %q, want blobs, index.json, oci-layout", names)
	}
}

func TestDamagedContentIsMended(t *testing.T) {
	path := t.TempDir()
	d := ocidir.New(path, nil)
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000}})
	put(t, d, c, "1")
	layer := c.Order[0]
	file := filepath.Join(path, "blobs", "sha256", layer.Digest.Hex)
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), int(layer.Size)), 0o600); err != nil {
		t.Fatal(err)
	}
	if has, err := d.Has(t.Context(), layer); has || err != nil {
		t.Errorf("Has = %v, %v for damaged content of the right size", has, err)
	}
	put(t, d, c, "1")
	if has, err := d.Has(t.Context(), layer); !has || err != nil {
		t.Errorf("Has = %v, %v after putting it again", has, err)
	}
}

func TestLinksAreRefused(t *testing.T) {
	path := t.TempDir()
	d := ocidir.New(path, nil)
	c := placetest.Image(t, placetest.ImageSpec{})
	put(t, d, c, "1")
	file := filepath.Join(path, "blobs", "sha256", c.Order[0].Digest.Hex)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.Rename(file, secret); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, file); err != nil {
		t.Skip(err)
	}
	if _, err := d.Open(t.Context(), c.Order[0]); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("Open = %v, want ErrInvalid", err)
	}
}

// TestCutCostsNothing continues a cut Put at its byte, and from the start if what
// was left behind is not what belongs there.
func TestCutCostsNothing(t *testing.T) {
	for _, spoil := range []bool{false, true} {
		path := t.TempDir()
		d := ocidir.New(path, nil)
		c := placetest.Image(t, placetest.ImageSpec{Layers: []int{500_000}})
		layer := c.Order[0]
		cut := errors.New("cut")
		err := d.Put(t.Context(), layer, func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(c.Bytes[layer.Digest][:400_000]), iotest.ErrReader(cut))), nil
		})
		if !errors.Is(err, cut) {
			t.Fatal(err)
		}
		if spoil {
			partials, err := filepath.Glob(filepath.Join(path, ".dray", "partial", "*"+layer.Digest.Hex))
			if err != nil || len(partials) != 1 {
				t.Fatal(partials, err)
			}
			if err := os.WriteFile(partials[0], make([]byte, 400_000), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var offsets []int64
		err = ocidir.New(path, nil).Put(t.Context(), layer, func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
			offsets = append(offsets, off)
			return blob.Bytes(c.Bytes[layer.Digest])(ctx, off, n)
		})
		if err != nil {
			t.Fatal(err)
		}
		if offsets[0] != 400_000 || spoil != (len(offsets) == 2) {
			t.Errorf("spoilt %v: opened at %d", spoil, offsets)
		}
	}
}

// TestManyFirstWriters has many writers make one layout at once, many times.
func TestManyFirstWriters(t *testing.T) {
	for range 8 {
		manyWriters(t, t.TempDir())
	}
}

func manyWriters(t *testing.T, path string) {
	t.Helper()
	const writers = 8
	errs := make(chan error, writers)
	for i := range writers {
		c := placetest.Image(t, placetest.ImageSpec{Seed: uint64(i % 2), Layers: []int{10_000}})
		go func() {
			d := ocidir.New(path, nil)
			var err error
			for _, b := range c.Order {
				err = errors.Join(err, d.Put(t.Context(), b, blob.Bytes(c.Bytes[b.Digest])))
			}
			errs <- errors.Join(err, d.Commit(t.Context(), c.Root, string(rune('a'+i))), d.Close())
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	n := 0
	if err := ocidir.New(path, nil).List(t.Context(), func(place.Entry) error { n++; return nil }); err != nil || n != writers {
		t.Errorf("%d names, %v, want %d", n, err, writers)
	}
}

// TestPlantedLinksAreNotWrittenThrough puts into layouts that came with links.
func TestPlantedLinksAreNotWrittenThrough(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{})
	layer := c.Order[0]
	for _, link := range []string{".dray/partial/sha256-" + layer.Digest.Hex, ".dray/partial", ".dray", "blobs", "blobs/sha256"} {
		path, outside := t.TempDir(), t.TempDir()
		victim := filepath.Join(outside, "victim")
		if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		at, target := filepath.Join(path, filepath.FromSlash(link)), outside
		if link == ".dray/partial/sha256-"+layer.Digest.Hex {
			target = victim
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, at); err != nil {
			t.Skip(err)
		}
		if err := ocidir.New(path, nil).Put(t.Context(), layer, blob.Bytes(c.Bytes[layer.Digest])); err == nil {
			t.Errorf("%s as a link is written through", link)
		}
		entries, err := os.ReadDir(outside)
		if b, rerr := os.ReadFile(victim); err != nil || rerr != nil || len(entries) != 1 || string(b) != "precious" {
			t.Errorf("%s as a link: outside there is %v, %q", link, entries, b)
		}
	}
}

// TestFlat reads a layout whose index.json is the index of one image itself.
func TestFlat(t *testing.T) {
	path := t.TempDir()
	d := ocidir.New(path, nil)
	c := placetest.Index(t, placetest.ImageSpec{}, placetest.ImageSpec{Seed: 1, Platform: v1.Platform{OS: "linux", Architecture: "arm64"}})
	put(t, d, c, "1")
	raw := c.Bytes[c.Root.Digest]
	if err := os.Remove(filepath.Join(path, "blobs", "sha256", c.Root.Digest.Hex)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "index.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := d.Resolve(t.Context(), "")
	if err != nil || root.Digest != c.Root.Digest {
		t.Fatalf("%v, %v", root, err)
	}
	if doc, err := place.ReadManifest(t.Context(), d, root); err != nil || len(doc.Index.Manifests) != 2 {
		t.Errorf("%v, %v", doc, err)
	}
	n := 0
	if err := d.List(t.Context(), func(e place.Entry) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// TestRemembered: content that is known is not read until its file has changed.
func TestRemembered(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("files are not told apart here")
	}
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000}})
	layer, path, memory := c.Order[0], filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "known")
	put(t, ocidir.New(path, nil), c, "a")
	file := filepath.Join(path, "blobs", "sha256", layer.Digest.Hex)
	if err := os.WriteFile(file, make([]byte, layer.Size), 0o600); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	known := memo.NewVerified(memory)
	known.Put(fi, layer.Digest.String()) // which is not true: it is believed only if nobody reads
	if err := known.Save(); err != nil {
		t.Fatal(err)
	}
	has := func() bool {
		d := ocidir.New(path, nil)
		d.Remember(memo.NewVerified(memory))
		has, err := d.Has(t.Context(), layer)
		if err = errors.Join(err, d.Close()); err != nil {
			t.Error(err)
		}
		return has
	}
	if !has() {
		t.Error("it is read though it is known")
	}
	for deadline := time.Now().Add(10 * time.Second); has(); { // until the file system's clock moves on
		if err := os.Chmod(file, 0o400); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("it is not read again after a change")
		}
	}
}
