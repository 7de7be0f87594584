package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// docker is a double of the API: the routes, statuses and bodies that Docker
// 20.10 and 28 were seen to answer with.
type docker struct {
	containerd bool   // the image store
	version    string // Api-Version header

	mu    sync.Mutex
	store mem.Place
	ids   map[string]v1.Descriptor // roots by what the engine calls them
	paths []string                 // of the requests
}

func (d *docker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paths = append(d.paths, r.URL.Path)
	path := strings.TrimPrefix(r.URL.Path, "/v"+version(d.version))
	name, isImage := strings.CutPrefix(path, "/images/")
	switch {
	case path == "/_ping":
		w.Header().Set("Api-Version", d.version)
		io.WriteString(w, "OK")
	case path == "/info":
		driver := `["Backing Filesystem","extfs"]`
		if d.containerd {
			driver = `["driver-type","io.containerd.snapshotter.v1"]`
		}
		fmt.Fprintf(w, `{"DriverStatus":[%s],"OSType":"linux"}`, driver)
	case path == "/images/load" && r.Method == http.MethodPost:
		if err := d.load(r.Context(), r.Body); err != nil {
			fmt.Fprintf(w, "{\"errorDetail\":{\"message\":%[1]q},\"error\":%[1]q}\n", err)
			return
		}
		io.WriteString(w, "{\"stream\":\"Loaded image ID\\n\"}\n")
	case path == "/images/get":
		d.save(w, r)
	case path == "/images/json":
		d.list(w, r)
	case isImage && strings.HasSuffix(name, "/tag") && r.Method == http.MethodPost:
		d.tag(w, r, strings.TrimSuffix(name, "/tag"))
	case isImage && strings.HasSuffix(name, "/json"):
		d.inspect(w, r, strings.TrimSuffix(name, "/json"))
	default:
		answer(w, http.StatusNotFound, "page not found")
	}
}

func answer(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

func (d *docker) load(ctx context.Context, r io.Reader) error {
	src, err := archive.Read(ctx, r, archive.ReadOptions{})
	if err != nil {
		return err
	}
	defer src.Close()
	return src.List(ctx, func(e place.Entry) error {
		doc, err := place.ReadManifest(ctx, src, e.Root)
		if err != nil {
			return err
		}
		if _, err := transfer.Copy(ctx, &d.store, []transfer.Request{{Source: src, Root: e.Root}}, transfer.Options{}); err != nil {
			return err
		}
		if d.ids == nil {
			d.ids = map[string]v1.Descriptor{}
		}
		if d.containerd {
			d.ids[doc.Descriptor.Digest.String()] = e.Root
		} else {
			d.ids[doc.Image.Config.Digest.String()] = e.Root
		}
		return nil
	})
}

// find returns the ID and the image of a name or ID.
func (d *docker) find(ctx context.Context, name string) (string, v1.Descriptor, bool) {
	root, ok := d.ids[name]
	if !ok {
		var err error
		if root, err = d.store.Resolve(ctx, name); err != nil {
			return "", root, false
		}
	}
	for id, r := range d.ids {
		if r.Digest == root.Digest {
			return id, root, true
		}
	}
	return "", root, false
}

func (d *docker) save(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("names")
	_, root, ok := d.find(r.Context(), name)
	if !ok {
		answer(w, http.StatusNotFound, "reference does not exist")
		return
	}
	s, err := archive.NewStream(w, archive.Options{})
	if err == nil {
		_, err = transfer.Copy(r.Context(), s, []transfer.Request{{Source: &d.store, Root: root, Names: []string{name}}}, transfer.Options{})
	}
	if err != nil {
		fmt.Fprintf(w, `{"error":%q}`, err)
	}
}

func (d *docker) list(w http.ResponseWriter, r *http.Request) {
	all := []summary{{ID: "sha256:0", RepoTags: []string{"<none>:<none>"}}, {ID: "sha256:1"}}
	err := d.store.List(r.Context(), func(e place.Entry) error {
		if n, err := ref.ParseName(e.Name); err == nil {
			all = append(all, summary{RepoTags: []string{n.Familiar()}})
		}
		return nil
	})
	if err == nil {
		err = json.NewEncoder(w).Encode(all)
	}
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error())
	}
}

func (d *docker) tag(w http.ResponseWriter, r *http.Request, id string) {
	_, root, ok := d.find(r.Context(), id)
	if !ok {
		answer(w, http.StatusNotFound, "No such image: "+id)
		return
	}
	q := r.URL.Query()
	if err := d.store.Commit(r.Context(), root, q.Get("repo")+":"+q.Get("tag")); err != nil {
		answer(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (d *docker) inspect(w http.ResponseWriter, r *http.Request, name string) {
	id, root, ok := d.find(r.Context(), name)
	if !ok {
		answer(w, http.StatusNotFound, "No such image: "+name)
		return
	}
	fmt.Fprintf(w, `{"Id":%q,"RepoTags":[],"RepoDigests":["x@sha256:0","pulled.example/app@%s"]}`, id, root.Digest)
}

// socket returns the path of a new Unix socket on which h is served.
func socket(t *testing.T, h http.Handler) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dray") // short: such paths have some 100 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		<-done
	})
	return path
}

func dial(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
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
