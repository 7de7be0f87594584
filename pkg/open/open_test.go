package open_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// house is doors to places that are all empty.
type house struct {
	doors *open.Doors
	dir   string
	host  string
}

func newHouse(t *testing.T, change func(*open.Options)) house {
	t.Helper()
	srv := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(srv.Close)
	client := registry.NewClient(registry.Options{})
	dir := t.TempDir()
	o := open.Options{Registry: client, Store: filepath.Join(dir, "store"), TempDir: dir}
	if change != nil {
		change(&o)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return house{open.New(o), dir, strings.TrimPrefix(srv.URL, "http://")}
}

func parse(t *testing.T, s string) ref.Ref {
	t.Helper()
	r, err := ref.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// copyTo copies what from names to to, and returns the digest that stands there.
func (h house) copyTo(t *testing.T, src place.Source, root string, given []string, to string) string {
	t.Helper()
	dst, err := h.doors.Sink(t.Context(), parse(t, to))
	if err != nil {
		t.Fatal(err)
	}
	results, err := transfer.Copy(t.Context(), dst, []transfer.Request{{Source: src, Name: root, Names: dst.Names(given)}}, transfer.Options{})
	if err = errors.Join(err, dst.Close()); err != nil {
		t.Fatalf("copying to %s: %v", to, err)
	}
	return results[0].Root.Digest.String()
}

// TestAnythingToAnything copies an index along every pair of places that can
// hold one, and reads it back under the same digest.
func TestAnythingToAnything(t *testing.T) {
	c := placetest.Index(t, placetest.ImageSpec{Layers: []int{10, 100_000}}, placetest.ImageSpec{Seed: 4})
	names := func(h house, i int) []string {
		return []string{
			fmt.Sprintf("%s/team/app:%d", h.host, i),
			fmt.Sprintf("store:example.com/app:%d", i),
			fmt.Sprintf("oci:%s:v%d", filepath.Join(h.dir, fmt.Sprintf("layout%d", i)), i),
			fmt.Sprintf("oci-archive:%s:v%d", filepath.Join(h.dir, fmt.Sprintf("oci%d.tar", i)), i),
			filepath.Join(h.dir, fmt.Sprintf("hybrid%d.tar", i)),
		}
	}
	h := newHouse(t, nil)
	given := []string{"example.com/given:1"}
	src := new(mem.Place)
	for _, d := range c.Order {
		if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := src.Commit(t.Context(), c.Root, "root"); err != nil {
		t.Fatal(err)
	}
	for i, from := range names(h, 100) {
		h.copyTo(t, src, "root", given, from)
		for j, to := range names(h, i) {
			t.Run(fmt.Sprintf("%d to %d", i, j), func(t *testing.T) {
				s, err := h.doors.Source(t.Context(), parse(t, from))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if got := h.copyTo(t, s, s.Name, given, to); got != c.Root.Digest.String() {
					t.Errorf("%s is %s in %s", c.Root.Digest, got, to)
				}
				back, err := h.doors.Source(t.Context(), parse(t, to))
				if err != nil {
					t.Fatal(err)
				}
				defer back.Close()
				img, err := back.Image(t.Context())
				if err != nil || img.Root.Digest != c.Root.Digest {
					t.Errorf("read back from %s: %v, %v", to, img, err)
				}
			})
		}
	}
}

func TestImagesOfAnArchive(t *testing.T) {
	h := newHouse(t, nil)
	file := filepath.Join(h.dir, "two.tar")
	dst, err := h.doors.Sink(t.Context(), parse(t, file))
	if err != nil {
		t.Fatal(err)
	}
	var reqs []transfer.Request
	for i, names := range [][]string{{"example.com/a:1", "example.com/a:2"}, {"example.com/b:1"}} {
		c := placetest.Image(t, placetest.ImageSpec{Seed: uint64(i)})
		src := new(mem.Place)
		for _, d := range c.Order {
			if err := src.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
		reqs = append(reqs, transfer.Request{Source: src, Root: c.Root, Names: names})
	}
	_, err = transfer.Copy(t.Context(), dst, reqs, transfer.Options{})
	if err = errors.Join(err, dst.Close()); err != nil {
		t.Fatal(err)
	}
	src, err := h.doors.Source(t.Context(), parse(t, file))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	images, err := src.Images(t.Context())
	if err != nil || len(images) != 2 || len(images[0].Names) != 2 || images[1].Names[0] != "example.com/b:1" {
		t.Errorf("%v, %v", images, err)
	}
	var choice *place.ChoiceError
	if _, err := src.Image(t.Context()); !errors.As(err, &choice) {
		t.Errorf("one of several: %v", err)
	}
}

func TestOffline(t *testing.T) {
	h := newHouse(t, func(o *open.Options) { o.Offline = true })
	c := placetest.Image(t, placetest.ImageSpec{})
	s, err := h.doors.Store()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Order {
		if err := s.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Commit(t.Context(), c.Root, "alpine:3"), s.Close()); err != nil {
		t.Fatal(err)
	}
	src, err := h.doors.Source(t.Context(), parse(t, "alpine:3"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if img, err := src.Image(t.Context()); err != nil || img.Root.Digest != c.Root.Digest {
		t.Errorf("%v, %v", img, err)
	}
	if _, err := h.doors.Source(t.Context(), parse(t, "docker://alpine:3")); !errors.Is(err, open.ErrOffline) {
		t.Errorf("a registry: %v", err)
	}
	if _, err := h.doors.Sink(t.Context(), parse(t, "alpine:3")); !errors.Is(err, open.ErrOffline) {
		t.Errorf("writing to a registry: %v", err)
	}
}

// TestTheStoreSavesDownloads reads from a registry that has lost a blob which the store has.
func TestTheStoreSavesDownloads(t *testing.T) {
	h := newHouse(t, nil)
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000}})
	s, err := h.doors.Store()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, d := range c.Order {
		if err := s.Put(t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	src, err := h.doors.Source(t.Context(), parse(t, h.host+"/never/pushed:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := blob.ReadAll(t.Context(), place.Opener(src, c.Order[0]), c.Order[0], 1<<20); err != nil {
		t.Error(err)
	}
}

// TestAnEngineFails: what a podman that breaks off in mid-archive leaves is an error.
func TestAnEngineFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the podman is a shell script")
	}
	for _, end := range []string{"exit 0", "exit 3"} {
		script := filepath.Join(t.TempDir(), "podman")
		said := fmt.Sprintf(`[{"Id":"%[1]s","Digest":"sha256:%[1]s"}]`, strings.Repeat("0", 64))
		content := fmt.Sprintf("case $* in *save*) echo no archive; %s;; esac\necho '%s'\n", end, said)
		if err := os.WriteFile(script, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		h := newHouse(t, func(o *open.Options) { o.Podman.Command = []string{"sh", script} })
		src, err := h.doors.Source(t.Context(), parse(t, "containers-storage:example.com/a:1"))
		if err != nil {
			t.Fatal(err)
		}
		if d, err := src.Resolve(t.Context(), src.Name); err == nil {
			t.Errorf("%s: it is %v", end, d)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
}

func ExampleDoors_Source() {
	r, err := ref.Parse("oci:no/such/folder")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	src, err := open.New(open.Options{}).Source(ctx, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = src.Image(ctx)
	fmt.Println(errors.Is(err, place.ErrNotFound), src.Close())
	// Output: true <nil>
}
