package toc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/toc"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
)

// layer is a file of arch/verify/testdata with the annotations that its maker gave it.
func layer(t testing.TB, name string) (v1.Descriptor, []byte) {
	t.Helper()
	dir := filepath.Join("..", "..", "arch", "verify", "testdata")
	raw, err1 := os.ReadFile(filepath.Join(dir, name))
	known, err2 := os.ReadFile(filepath.Join(dir, "annotations.json"))
	var annotations map[string]map[string]string
	if err := errors.Join(err1, err2, json.Unmarshal(known, &annotations)); err != nil {
		t.Fatal(err)
	}
	d := manifest.Describe("", raw)
	d.Annotations = annotations[name]
	return d, raw
}

func TestRead(t *testing.T) {
	for _, name := range []string{"estargz.tar.gz", "chunked.tar.zst"} {
		d, raw := layer(t, name)
		table, err := toc.Read(t.Context(), blob.Bytes(raw), d)
		if err != nil {
			t.Fatal(name, err)
		}
		var names []string
		err = toc.Entries(bytes.NewReader(table), func(e toc.Entry) error {
			if h := e.Header(); h != nil {
				names = append(names, fmt.Sprintf("%c %s", h.Typeflag, h.Name))
			}
			if e.Name != "bin/run" {
				return nil
			}
			c, ok := e.Content()
			var file bytes.Buffer
			if err := toc.Copy(t.Context(), &file, blob.Bytes(raw), c); err != nil || !ok || file.String() != "#!/opt/app\n" {
				t.Errorf("%s: %v, %q, %v", name, ok, file.String(), err)
			}
			c.Digest.Hex = strings.Repeat("0", 64)
			if err := toc.Copy(t.Context(), io.Discard, blob.Bytes(raw), c); !errors.Is(err, blob.ErrMismatch) {
				t.Errorf("%s: another digest: %v", name, err)
			}
			return nil
		})
		if all := strings.Join(names, ", "); err != nil || !strings.Contains(all, "5 opt/, 0 opt/app") || !strings.Contains(all, "2 bin/link, 1 bin/hard, 0 bin/run") {
			t.Errorf("%s: %s, %v", name, all, err)
		}
		d.Annotations = nil
		if _, err := toc.Read(t.Context(), blob.Bytes(raw), d); !errors.Is(err, toc.ErrNone) || toc.Has(d) {
			t.Errorf("%s: no annotations: %v", name, err)
		}
	}
}

func TestEntriesEndsWithTheFirstError(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	err := toc.Entries(strings.NewReader(`{"entries":[{},{}]}`), func(toc.Entry) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Error(n, err)
	}
}

func FuzzCopy(f *testing.F) {
	f.Add([]byte("abc"), int64(0), int64(1), int64(1))
	f.Fuzz(func(t *testing.T, raw []byte, offset, inner, size int64) {
		e := toc.Entry{Type: "reg", Offset: offset, Inner: inner, Size: size, Digest: manifest.Describe("", raw).Digest.String()}
		if c, ok := e.Content(); ok {
			if err := toc.Copy(t.Context(), io.Discard, blob.Bytes(raw), c); err == nil && size > 0 {
				t.Error("what is packed has the digest of what it is unpacked")
			}
		}
	})
}

func Example() {
	err := toc.Entries(strings.NewReader(`{"version":1,"entries":[{"name":"bin/sh","type":"symlink","linkName":"bash"}]}`), func(e toc.Entry) error {
		h := e.Header()
		fmt.Println(h.Name, "->", h.Linkname)
		return nil
	})
	fmt.Println(err)
	// Output:
	// bin/sh -> bash
	// <nil>
}
