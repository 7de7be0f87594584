package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

const (
	layerBytes = 5 << 20
	cutAt      = 4_800_000
	atMostLost = 4 << 20 // of one blob, when a run is killed
)

func large(t testing.TB) named {
	t.Helper()
	return named{placetest.Image(t, placetest.ImageSpec{Layers: []int{layerBytes, 5000}}), []string{name}}
}

var errCut = errors.New("cut")

// cutting opens content, and calls cut after n bytes.
func cutting(content []byte, n int64, cut func() error) blob.Opener {
	return func(ctx context.Context, off, length int64) (io.ReadCloser, error) {
		rc, err := blob.Bytes(content)(ctx, off, length)
		if err != nil {
			return nil, err
		}
		end := readerFunc(func([]byte) (int, error) { return 0, cut() })
		return io.NopCloser(io.MultiReader(io.LimitReader(rc, n-off), end)), nil
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// interrupted puts the small layer of img and a part of the large one, and then
// ends by cut, or with the writer closed.
func interrupted(t testing.TB, path string, img named, cut func() error) {
	t.Helper()
	w := create(t, path, archive.Options{})
	p, content := plan(0, img)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range todo {
		d := todo[len(todo)-1-i] // the large one comes first, here last
		open := blob.Bytes(content[d.Digest])
		if d.Size > layerBytes {
			open = cutting(content[d.Digest], cutAt, cut)
		}
		if err := w.Put(t.Context(), d, open); d.Size > layerBytes != errors.Is(err, errCut) {
			t.Fatal(err)
		}
	}
	if has, err := w.Has(t.Context(), todo[0]); has || err != nil {
		t.Errorf("Has = %v, %v after a cut", has, err)
	}
	if w.Partial() != path+".partial" {
		t.Errorf("Partial = %q", w.Partial())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// goOn writes img to path, which has to come out right, and returns what was
// asked for: the offset by digest.
func goOn(t testing.TB, path string, img named, o archive.Options) map[v1.Hash]int64 {
	t.Helper()
	w := create(t, path, o)
	p, content := plan(0, img)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[v1.Hash]int64{}
	for _, d := range todo {
		err := w.Put(t.Context(), d, func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[d.Digest] = off
			return blob.Bytes(content[d.Digest])(ctx, off, n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(t.Context(), img.Root, img.names...), w.Close()); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := write(t.Context(), stream(t, &want, o), 0, img); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("what was continued is not the same")
	}
	if left := inFolder(t, path); !cmp.Equal(left, []string{filepath.Base(path)}) {
		t.Errorf("%q stays", left)
	}
	return asked
}

func TestCutIsContinued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	img := large(t)
	interrupted(t, path, img, func() error { return errCut })
	if got := inFolder(t, path); !cmp.Equal(got, []string{"images.tar.partial", "images.tar.partial.journal"}) {
		t.Errorf("there is %q after a cut", got)
	}
	var resumed int64
	asked := goOn(t, path, img, archive.Options{Events: func(e event.Event) {
		if e.Kind == event.Resume {
			resumed += e.N
		}
	}})
	if want := map[v1.Hash]int64{img.Order[0].Digest: cutAt}; !cmp.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	if want := cutAt + img.Order[1].Size; resumed != want {
		t.Errorf("%d bytes resumed, want %d", resumed, want)
	}
}

// TestKilledIsContinued is run by itself as a process that kills itself.
func TestKilledIsContinued(t *testing.T) {
	img := large(t)
	if path := os.Getenv("ARCHIVE_TEST_KILLED"); path != "" {
		interrupted(t, path, img, func() error {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			<-t.Context().Done() // until the signal comes
			return err
		})
	}
	path := filepath.Join(t.TempDir(), "images.tar")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run", "^TestKilledIsContinued$")
	cmd.Env = append(os.Environ(), "ARCHIVE_TEST_KILLED="+path)
	if out, err := cmd.CombinedOutput(); err == nil || bytes.Contains(out, []byte("FAIL")) {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a killed run left the archive: %v", err)
	}
	asked := goOn(t, path, img, archive.Options{})
	if off := asked[img.Order[0].Digest]; len(asked) != 1 || off < cutAt-atMostLost {
		t.Errorf("asked for %v", asked)
	}
}

// What an earlier run left is trusted by its digest, not by the journal.
func TestSpoiledPartial(t *testing.T) {
	img := large(t)
	for what, spoil := range map[string]func(file, journal []byte) ([]byte, []byte){
		"large layer": func(f, j []byte) ([]byte, []byte) {
			f[len(f)-1024-5000-2048-1_000_000] ^= 1
			f[4_000_000] ^= 1
			return f, j
		},
		"all of it":  func(f, j []byte) ([]byte, []byte) { return make([]byte, len(f)), j },
		"ones":       func(f, j []byte) ([]byte, []byte) { return bytes.Repeat([]byte{1}, len(f)), j },
		"size":       func(f, j []byte) ([]byte, []byte) { return f[:len(f)-1], j },
		"no journal": func(f, _ []byte) ([]byte, []byte) { return f, nil },
		"other one":  func(f, j []byte) ([]byte, []byte) { j[30] ^= 1; return f, j },
		"odd lines": func(f, j []byte) ([]byte, []byte) {
			return f, append(j, "sha256:00 12\n\n- -\nsha256:"+strings.Repeat("0", 64)+" -1\n"...)
		},
		"cut line": func(f, j []byte) ([]byte, []byte) { return f, j[:len(j)-3] },
		"too much": func(f, j []byte) ([]byte, []byte) {
			return f, []byte(strings.ReplaceAll(string(j), " 4800000\n", " 48000000\n"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "images.tar")
			interrupted(t, path, img, func() error { return errCut })
			file, err := os.ReadFile(path + ".partial")
			if err != nil {
				t.Fatal(err)
			}
			journal, err := os.ReadFile(path + ".partial.journal")
			if err != nil {
				t.Fatal(err)
			}
			file, journal = spoil(file, journal)
			if err := errors.Join(os.WriteFile(path+".partial", file, 0o600), os.WriteFile(path+".partial.journal", journal, 0o600)); err != nil {
				t.Fatal(err)
			}
			goOn(t, path, img, archive.Options{})
		})
	}
}

func TestOtherPlanStartsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	interrupted(t, path, large(t), func() error { return errCut })
	notes := 0
	other := named{placetest.Image(t, placetest.ImageSpec{Seed: 5, Layers: []int{77}}), []string{name}}
	asked := goOn(t, path, other, archive.Options{Events: func(e event.Event) {
		if e.Kind == event.Note {
			notes++
		}
	}})
	if len(asked) != 1 || notes != 1 {
		t.Errorf("asked for %v, %d notes", asked, notes)
	}
}

// In one process a second Put goes on without reading again what the first wrote.
func TestPutGoesOn(t *testing.T) {
	img := large(t)
	p, content := plan(0, img)
	layer := img.Order[0]
	for what, s := range map[string]sink{
		"file":   create(t, filepath.Join(t.TempDir(), "images.tar"), archive.Options{}),
		"stream": stream(t, new(bytes.Buffer), archive.Options{}),
	} {
		todo, err := s.Plan(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range todo {
			open := blob.Bytes(content[d.Digest])
			if d.Digest == layer.Digest {
				err := s.Put(t.Context(), d, cutting(content[d.Digest], cutAt, func() error { return errCut }))
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				open = func(_ context.Context, off, _ int64) (io.ReadCloser, error) {
					if off != cutAt {
						t.Errorf("%s: asked for %d, want %d", what, off, cutAt)
					}
					return io.NopCloser(bytes.NewReader(content[d.Digest][off:])), nil
				}
			}
			if err := s.Put(t.Context(), d, open); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := errors.Join(s.Commit(t.Context(), img.Root, name), s.Close()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSamePutTwiceAtOnce(t *testing.T) {
	img := large(t)
	w := create(t, filepath.Join(t.TempDir(), "images.tar"), archive.Options{})
	p, content := plan(0, img)
	todo, err := w.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, d := range append(todo, todo...) {
		wg.Go(func() {
			if err := w.Put(t.Context(), d, blob.Bytes(content[d.Digest])); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(w.Commit(t.Context(), img.Root, name), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTwoRunsDoNotMeet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	img := large(t)
	p, _ := plan(0, img)
	first, second := create(t, path, archive.Options{}), create(t, path, archive.Options{})
	if _, err := first.Plan(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	_, err := second.Plan(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("the second Plan: %v", err)
	}
	if err := errors.Join(second.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if left := inFolder(t, path); len(left) > 0 {
		t.Errorf("%q stays of two runs without a Put", left)
	}
}
