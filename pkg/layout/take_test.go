package layout_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/memo"
)

// TestPutOfAFile puts content that lies in a file, by every way that this goes.
func TestPutOfAFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcde"), 700_000)
	other := bytes.Clone(content)
	other[5_000_000]++
	d := v1.Descriptor{Size: int64(len(content)), Digest: v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256(content))}}
	for name, tt := range map[string]struct {
		file  []byte
		known bool
		want  []byte // nil: it is refused
	}{
		"right":          {content, false, content},
		"right, known":   {content, true, content},
		"wrong":          {other, false, nil},
		"wrong, known":   {other, true, other}, // so nobody has read it
		"longer, known":  {append(bytes.Clone(content), 'x'), true, nil},
		"shorter, known": {content[:9_000_000], true, nil},
	} {
		if name == "wrong, known" && !memo.Remembers {
			tt.want = nil
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "src")
			if err := os.WriteFile(path, tt.file, 0o600); err != nil {
				t.Fatal(err)
			}
			verified := memo.NewVerified(filepath.Join(dir, "memory"))
			fi, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if tt.known {
				verified.Put(fi, d.Digest.String())
				if err := verified.Save(); err != nil {
					t.Fatal(err)
				}
			}
			l := layout.Dir{Path: filepath.Join(dir, "l"), Verified: verified, Events: func(e event.Event) {
				if e.Kind == event.Resume {
					t.Errorf("%d bytes are said to be of an earlier run", e.N)
				}
			}}
			err = l.PutBlob(t.Context(), d, blob.File(path))
			if tt.want == nil {
				if !errors.Is(err, blob.ErrMismatch) || l.HasBlob(d) {
					t.Errorf("%v, it is there: %v", err, l.HasBlob(d))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f, err := l.OpenBlob(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("%d other bytes are there, %v", len(got), err)
			}
		})
	}
}
