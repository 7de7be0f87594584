package far

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
)

// FuzzServe asks anything of a far end with two open places.
func FuzzServe(f *testing.F) {
	for _, s := range []string{
		"/open {\"place\":\"x\"}", "/1/resolve {\"name\":\"a\"}", "/1/blob {\"blob\":{\"size\":-1},\"offset\":-5}", "/2/put {}",
		"/2/plan {\"docs\":{\"x\":\"\"}}", "/2/commit {\"names\":[\"\"]}", "/bytes/1 x", "/1/list", "/2/close",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nobody comes with content
		o := Options{
			Source: func(context.Context, string) (place.Source, string, error) { return new(mem.Place), "", nil },
			Sink:   func(context.Context, string, string) (place.Sink, error) { return new(mem.Place), nil },
		}
		srv := &server{o: o, life: ctx, places: map[string]*served{"1": {source: new(mem.Place)}, "2": {sink: new(mem.Place), life: ctx, end: cancel}}, wanted: map[string]chan *incoming{}}
		path, body, _ := strings.Cut(s, " ")
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)).WithContext(ctx)
		req.URL.Path = path
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		srv.ServeHTTP(httptest.NewRecorder(), req)
	})
}

// FuzzFailure makes an error of anything the other end says.
func FuzzFailure(f *testing.F) {
	f.Add(`{"text":"x","kind":"not found","hint":"y"}`)
	f.Add(`{"kind":"choice","choices":["a"]}`)
	f.Fuzz(func(t *testing.T, s string) {
		var fail failure
		if readDoc(strings.NewReader(s), maxDocBytes, &fail) != nil {
			return
		}
		if err := fail.err("there"); len(err.Error()) > 2*maxTextBytes {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}
