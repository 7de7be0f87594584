package cstorage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/transfer"
)

// TestMain lets the test binary stand in for podman, with a store in a folder.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DRAY_TEST_FAKE_PODMAN"); dir != "" {
		os.Exit(podman(context.Background(), store{dir}, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// store is podman's: the archives that were loaded, by ID, and under each name an ID.
type store struct{ dir string }

func (s store) archive(id string) string { return filepath.Join(s.dir, id+".tar") }
func (s store) name(name string) string  { return filepath.Join(s.dir, "name="+url.QueryEscape(name)) }

// podman answers as Podman 4.3 was seen to.
func podman(ctx context.Context, s store, args []string) int {
	if why := os.Getenv("DRAY_TEST_FAKE_FAILS"); why != "" {
		fmt.Fprintln(os.Stderr, "time=… level=warning msg=whatever\nError: "+why)
		return 125
	}
	line, name, _ := strings.Cut(strings.Join(args, " "), " -- ")
	var err error
	switch line {
	case "load --quiet":
		err = s.load(ctx)
	case "image exists":
		if _, err := s.find(name); err != nil {
			return 1
		}
	case "image inspect":
		err = s.inspect(ctx, name)
	case "tag":
		id, name, _ := strings.Cut(name, " ")
		if id, err = s.find(id); err == nil {
			err = os.WriteFile(s.name(name), []byte(id), 0o600)
		}
	case "save --quiet --uncompressed --format oci-archive":
		err = s.save(ctx, name, archive.OCI)
	case "save --quiet --format docker-archive":
		err = s.save(ctx, name, archive.Docker)
	case "info --format {{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-images":
		fmt.Println(s.dir)
	case "images --format json":
		err = s.images()
	default:
		err = fmt.Errorf("unknown command %q", args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 125
	}
	return 0
}

func (s store) load(ctx context.Context) error {
	tmp := filepath.Join(s.dir, "loading")
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, os.Stdin); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	doc, err := look(ctx, tmp)
	if err != nil {
		return err
	}
	id := doc.Image.Config.Digest.Hex
	if err := os.MkdirAll(filepath.Join(s.dir, id), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, id, "manifest"), doc.Raw, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, s.archive(id))
}

// look returns the manifest of the only image in an archive.
func look(ctx context.Context, path string) (*manifest.Doc, error) {
	src, err := archive.Open(ctx, path, archive.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	root, err := src.Resolve(ctx, "")
	if err != nil {
		return nil, err
	}
	return place.ReadManifest(ctx, src, root)
}

// find returns the ID of what a name or an ID stands for.
func (s store) find(name string) (string, error) {
	if _, err := os.Stat(s.archive(name)); err == nil {
		return name, nil
	}
	id, err := os.ReadFile(s.name(name))
	if err != nil {
		return "", fmt.Errorf("%s: image not known", name)
	}
	return string(id), nil
}

func (s store) inspect(ctx context.Context, name string) error {
	id, err := s.find(name)
	if err != nil {
		return err
	}
	doc, err := look(ctx, s.archive(id))
	if err != nil {
		return err
	}
	shown := image{ID: id, Digest: doc.Descriptor.Digest.String()}
	if other := os.Getenv("DRAY_TEST_FAKE_DIGEST"); other != "" {
		shown.Digest = other
		shown.RepoDigests = strings.Fields(os.Getenv("DRAY_TEST_FAKE_DIGESTS"))
	}
	return json.NewEncoder(os.Stdout).Encode([]image{shown})
}

func (s store) save(ctx context.Context, name string, form archive.Form) error {
	id, err := s.find(name)
	if err != nil {
		return err
	}
	src, err := archive.Open(ctx, s.archive(id), archive.ReadOptions{})
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := archive.NewStream(os.Stdout, archive.Options{As: form})
	if err != nil {
		return err
	}
	_, err = transfer.Copy(ctx, dst, []transfer.Request{{Source: src, Names: []string{name}}}, transfer.Options{})
	return err
}

func (s store) images() error {
	all := []image{{ID: "0"}} // one without a name
	paths, err := filepath.Glob(filepath.Join(s.dir, "name=*"))
	for _, p := range paths {
		name, unescapeErr := url.QueryUnescape(strings.TrimPrefix(filepath.Base(p), "name="))
		err = errors.Join(err, unescapeErr)
		all = append(all, image{Names: []string{name}})
	}
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(all))
}

// fake returns an engine whose podman is this program, with an empty store.
func fake(t *testing.T) *Engine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DRAY_TEST_FAKE_PODMAN", t.TempDir())
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each call takes a second with -race
	e, err := New(Options{Command: []string{self}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func names(t *testing.T, e *Engine) []string {
	t.Helper()
	var all []string
	if err := e.List(t.Context(), func(e place.Entry) error { all = append(all, e.Name); return nil }); err != nil {
		t.Error(err)
	}
	slices.Sort(all)
	return all
}

// tars makes and reads archives as package open does.
func tars(t *testing.T) engine.Archive {
	dir := t.TempDir()
	return engine.Archive{
		Write: func(w io.Writer) (place.Sink, error) { return archive.NewStream(w, archive.Options{}) },
		Read: func(ctx context.Context, r io.Reader) (place.Source, error) {
			a, err := archive.Read(ctx, r, archive.ReadOptions{TempDir: dir})
			if err != nil {
				return nil, err
			}
			return a, nil
		},
	}
}
