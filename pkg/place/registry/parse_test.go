package registry

import (
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestNextLink(t *testing.T) {
	for header, want := range map[string]string{
		`</a>; rel="next"`:                 "/a",
		`</a>;rel=next`:                    "/a",
		`</a>; REL="NEXT"; title="x"`:      "/a",
		`</a>; rel=prev, </b>; rel=next`:   "/b",
		`</a,b?c=d;e>; rel="next"`:         "/a,b?c=d;e",
		`</a>; rel=prev`:                   "",
		`</a>`:                             "",
		`</a; rel=next`:                    "",
		`/a; rel=next`:                     "",
		`<>; rel=next`:                     "",
		``:                                 "",
		`</a>; rel=prev; rel="x next"`:     "",
		strings.Repeat("<", 10_000) + ">;": "",
	} {
		if got := nextLink([]string{header}); got != want {
			t.Errorf("%.100s is %q, want %q", header, got, want)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	for _, s := range []string{`</a>; rel="next"`, `</a>; rel=prev, </b>; rel=next`, `<<>>;;,,rel`, `</a`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := nextLink([]string{s, s}); !strings.Contains(s, got) || strings.Contains(got, ">") {
			t.Errorf("%q", got)
		}
	})
}

func TestContentRange(t *testing.T) {
	for header, want := range map[string][3]int64{
		"bytes 0-9/100":                     {0, 9, 100},
		"bytes 5-5/6":                       {5, 5, 6},
		"bytes 5-9/*":                       {5, 9, -1},
		"bytes 9-5/100":                     {-1},
		"bytes 0-100/100":                   {-1},
		"bytes */100":                       {-1},
		"bytes +1-2/3":                      {-1},
		"bytes -1-2/3":                      {-1},
		"0-9/100":                           {-1},
		"bytes 0-9":                         {-1},
		"bytes 0-9/99999999999999999999999": {-1},
		"":                                  {-1},
	} {
		start, end, size, ok := contentRange(header)
		if ok != (want[0] >= 0) || ok && (start != want[0] || end != want[1] || size != want[2]) {
			t.Errorf("%q is %d-%d/%d %v", header, start, end, size, ok)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/100")
	f.Add("bytes 5-9/*")
	f.Fuzz(func(t *testing.T, s string) {
		if start, end, size, ok := contentRange(s); ok && (start < 0 || end < start || size >= 0 && size <= end || size < -1) {
			t.Errorf("%q is %d-%d/%d", s, start, end, size)
		}
	})
}

func TestUploaded(t *testing.T) {
	for header, want := range map[string]int64{
		"0-9": 10, "bytes=0-9": 10, "0-0": 0, "1-9": -1, "0-": -1, "0--5": -1, "": -1, "0-99999999999999999999": -1,
	} {
		got, ok := uploaded(&http.Response{Header: http.Header{"Range": {header}}})
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d %v", header, got, ok)
		}
	}
}

// TestDocsAreBounded: the oldest are forgotten, and what was put stays known as put.
func TestDocsAreBounded(t *testing.T) {
	var s docs
	raw := make([]byte, 3<<20)
	at := func(hex string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex} }
	for _, hex := range []string{"a", "b", "c", "d", "e", "f"} {
		s.keep(doc{d: v1.Descriptor{Digest: at(hex)}, raw: raw})
	}
	if _, ok := s.get(at("a")); ok || s.bytes > maxDocsBytes || len(s.byKey) != 5 {
		t.Errorf("%d kept in %d bytes", len(s.byKey), s.bytes)
	}
	s.keep(doc{d: v1.Descriptor{Digest: at("f")}, raw: raw, put: true})
	s.keep(doc{d: v1.Descriptor{Digest: at("f")}, raw: raw})
	if f, _ := s.get(at("f")); !f.put || len(s.byKey) != 5 {
		t.Errorf("%+v", f.put)
	}
}

// A registry may say any size: no sum of it may wrap around.
func TestStreamEnds(t *testing.T) {
	c := NewClient(Options{})
	for _, tt := range []struct {
		size, offset, length int64
		want                 int // of 100 bytes
	}{
		{math.MaxInt64, 0, -1, 100},
		{math.MaxInt64, math.MaxInt64 - 1, -1, 2},
		{math.MaxInt64, math.MaxInt64, -1, 1},
		{math.MaxInt64, math.MaxInt64 - 10, math.MaxInt64, 10},
		{math.MaxInt64, 10, math.MaxInt64, 100},
		{1000, 990, -1, 11},
		{1000, 990, 5, 5},
		{0, 0, -1, 1},
	} {
		s := newStream(t.Context(), c.remote(Endpoint{Host: "localhost", Repository: "a"}), v1.Descriptor{Size: tt.size}, tt.offset, tt.length)
		s.body = io.NopCloser(strings.NewReader(strings.Repeat("x", 100)))
		if n, err := s.Read(make([]byte, 100)); n != tt.want || err != nil {
			t.Errorf("%+v: %d bytes, %v", tt, n, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
