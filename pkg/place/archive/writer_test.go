package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

func TestNoSpace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	img := large(t)
	p, _ := plan(0, img)
	for i, d := range p.Blobs {
		if d.Digest == img.Order[0].Digest {
			p.Blobs[i].Size = manifest.MaxSize
		}
	}
	w := create(t, path, archive.Options{})
	_, err := w.Plan(t.Context(), p)
	var space *archive.SpaceError
	if !errors.As(err, &space) || space.Need < manifest.MaxSize || space.Free <= 0 || space.Hint() == "" {
		t.Errorf("Plan: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if left := inFolder(t, path); len(left) > 0 {
		t.Errorf("%q stays", left)
	}
}

func TestWriteFails(t *testing.T) {
	broken := errors.New("broken pipe")
	img := named{placetest.Image(t, placetest.ImageSpec{Layers: []int{300_000, 1}}), []string{name}}
	for n := range 12 {
		s, err := archive.NewStream(&failAfter{n: n, err: broken}, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(t.Context(), s, 0, img); !errors.Is(err, broken) {
			t.Errorf("after %d writes: %v", n, err)
		}
	}
}

type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, os.DevNull, filepath.Join(dir, "gone", "a.tar"), filepath.Join(file, "a.tar")} {
		if _, err := archive.Create(path, archive.Options{}); err == nil {
			t.Errorf("%s was accepted", path)
		}
	}
	if _, err := archive.Create(file, archive.Options{As: "zip"}); err == nil {
		t.Error("a form that is none was accepted")
	}
	if err := os.Mkdir(file+".tar.partial", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), create(t, file+".tar", archive.Options{}), 0, large(t)); err == nil {
		t.Error("a folder in place of the partial was accepted")
	}
}

func TestLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o600), os.Symlink(file, link)); err != nil {
		t.Skip(err)
	}
	img := named{placetest.Image(t, placetest.ImageSpec{}), []string{name}}
	if err := write(t.Context(), create(t, link, archive.Options{}), 0, img); err != nil {
		t.Fatal(err)
	}
	a := open(t, file, archive.ReadOptions{})
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutOfPlan(t *testing.T) {
	img := large(t)
	p, content := plan(0, img)
	other := placetest.Image(t, placetest.ImageSpec{Seed: 9}).Root
	for _, s := range []sink{create(t, filepath.Join(t.TempDir(), "a.tar"), archive.Options{}), stream(t, new(bytes.Buffer), archive.Options{})} {
		if err := s.Put(t.Context(), img.Order[0], blob.Bytes(nil)); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("Put before Plan: %v", err)
		}
		if err := s.Commit(t.Context(), img.Root); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("Commit before Plan: %v", err)
		}
		todo, err := s.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if _, isStream := s.(*archive.Stream); isStream {
			if _, err := s.Plan(t.Context(), p); !errors.Is(err, place.ErrUnsupported) {
				t.Errorf("a second Plan of a stream: %v", err)
			}
		}
		if err := s.Put(t.Context(), other, blob.Bytes(nil)); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("Put of something else: %v", err)
		}
		wrong := todo[0]
		wrong.Size++
		if err := s.Put(t.Context(), wrong, blob.Bytes(content[wrong.Digest])); !errors.Is(err, blob.ErrMismatch) {
			t.Errorf("Put with another size: %v", err)
		}
		if err := s.Commit(t.Context(), other); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("Commit of something else: %v", err)
		}
		if err := s.Commit(t.Context(), img.Root, "another/name:1"); !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("Commit under another name: %v", err)
		}
		if err := s.Commit(t.Context(), img.Root, name); !errors.Is(err, place.ErrNotFound) {
			t.Errorf("Commit before Put: %v", err)
		}
		if err := s.Put(t.Context(), todo[0], func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(iotest.ErrReader(errCut)), nil
		}); !errors.Is(err, errCut) {
			t.Errorf("Put of what cannot be read: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	p.Docs[img.Root.Digest] = []byte("{}")
	if _, err := stream(t, new(bytes.Buffer), archive.Options{}).Plan(t.Context(), p); !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("Plan with a wrong document: %v", err)
	}
	if _, err := stream(t, new(bytes.Buffer), archive.Options{}).Plan(t.Context(), place.Plan{}); err == nil {
		t.Error("Plan of nothing was accepted")
	}
}
