package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/placetest"
	dray "github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
	"github.com/dray-oci/dray/testdata"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dray": main, "ssh": fakeSSH})
}

// TestScript runs the commands as users type them. Every script has its own home
// and its own empty registries at $REGISTRY, for bot with the password secret alone
// at $PRIVATE, and without the referrers API at $OLD, and these commands of ours:
//
//	seed NAME [SIZE…]  push a plain image with layers of these sizes
//	seed-index NAME    push the image of testdata: linux/amd64, linux/arm64, linux/arm/v7
//	layout DIR         lay the image of testdata there, as tag 1.0
//	crossed DIR        the same, but what is for arm64 is listed as amd64 and the reverse
//	sign NAME [lost]   give NAME a signature as cosign has it, an SBOM as its referrer, and
//	                   that a signature; lost: and one whose payload is not there
//	exitcode N CMD…    run CMD, which must exit with N
//	expand FILE…       replace $REGISTRY and other variables in files
//	listening V FILE   wait for the address of "dray serve" in FILE, and set V to it
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"seed":       seed,
			"seed-index": seedIndex,
			"layout":     layout,
			"crossed":    crossed,
			"sign":       sign,
			"exitcode":   exitCode,
			"listening":  listening,
			"expand":     expand,
		},
		RequireUniqueNames: true,
	})
}

func setup(e *testscript.Env) error {
	srv, private := httptest.NewServer(newRegistry()), httptest.NewServer(guarded(newRegistry()))
	old := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	e.Defer(srv.Close)
	e.Defer(private.Close)
	e.Defer(old.Close)
	home := filepath.Join(e.WorkDir, ".home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	e.Setenv("REGISTRY", strings.TrimPrefix(srv.URL, "http://"))
	e.Setenv("PRIVATE", strings.TrimPrefix(private.URL, "http://"))
	e.Setenv("OLD", strings.TrimPrefix(old.URL, "http://"))
	e.Setenv("HOME", home)
	e.Setenv("USERPROFILE", home)
	e.Setenv("LOCALAPPDATA", home)
	e.Setenv("DRAY_HOME", filepath.Join(home, "dray"))
	e.Setenv("DOCKER_HOST", "unix://"+filepath.Join(e.WorkDir, "no-docker.sock"))
	return nil
}

func newRegistry() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
}

// guarded lets nobody in but bot, whose password is secret.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "bot" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func seed(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: seed NAME [SIZE…]")
	}
	spec := placetest.ImageSpec{Seed: 1}
	for _, s := range args[1:] {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil {
			ts.Fatalf("size %q: %v", s, err)
		}
		spec.Layers = append(spec.Layers, n)
	}
	c := placetest.Image(fatal{ts: ts}, spec)
	src := new(mem.Place)
	for _, d := range c.Order {
		ts.Check(src.Put(context.Background(), d, blob.Bytes(c.Bytes[d.Digest])))
	}
	ts.Check(src.Commit(context.Background(), c.Root, "seed"))
	push(ts, src, "seed", args[0])
}

func seedIndex(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: seed-index NAME")
	}
	dir := ts.MkAbs(".seed")
	ts.Check(os.RemoveAll(dir))
	layout(ts, false, []string{dir})
	push(ts, ocidir.New(dir, nil), "1.0", args[0])
}

func layout(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: layout DIR")
	}
	hello, err := fs.Sub(testdata.Hello, "hello")
	ts.Check(err)
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), hello))
}

func push(ts *testscript.TestScript, src place.Source, name, to string) {
	n, err := ref.ParseName(to)
	ts.Check(err)
	client := dray.NewClient(dray.Options{})
	_, err = transfer.Copy(context.Background(), client.Repo(n), []transfer.Request{{Source: src, Name: name, Names: []string{n.Tag}}}, transfer.Options{})
	ts.Check(err)
	ts.Check(client.Close())
}

func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exitcode N CMD…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		_, got, _ = strings.Cut(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s: %v, want exit code %s", strings.Join(args[1:], " "), err, args[0])
	}
}

// fatal lets helpers of tests end a script.
type fatal struct {
	testing.TB
	ts *testscript.TestScript
}

func (fatal) Helper()             {}
func (f fatal) Fatal(args ...any) { f.ts.Fatalf("%s", fmt.Sprint(args...)) }
