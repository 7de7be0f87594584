package parts_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

func TestLoose(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		want  string // what they make up
		err   error
		text  string
	}{
		"as the file":     {map[string]string{"x.tar.001": "ab", "x.tar.002": "cd", "x.tar.003": "e"}, "x.tar", "abcde", nil, ""},
		"as a part":       {map[string]string{"x.tar.001": "ab", "x.tar.002": "cd"}, "x.tar.002", "abcd", nil, ""},
		"as the document": {map[string]string{"x.tar.001": "ab"}, "x.parts.json", "ab", nil, ""},
		"no tar":          {map[string]string{"x.001": "ab", "x.002": "c"}, "x.parts.json", "abc", nil, ""},
		"none":            {nil, "x.tar", "", nil, ""},
		"the first":       {map[string]string{"x.tar.002": "ab"}, "x.tar", "", place.ErrNotFound, "x.tar.002 is there, but not x.tar.001"},
		"one between":     {map[string]string{"x.tar.001": "ab", "x.tar.002": "ab", "x.tar.004": "ab"}, "x.tar", "", place.ErrNotFound, "x.tar.004 is there, but not x.tar.003"},
		"a short one":     {map[string]string{"x.tar.001": "ab", "x.tar.002": "a", "x.tar.003": "ab"}, "x.tar", "", place.ErrInvalid, "x.tar.002 has 1 bytes"},
		"a long one":      {map[string]string{"x.tar.001": "ab", "x.tar.002": "abc"}, "x.tar", "", place.ErrInvalid, "x.tar.002 has 3 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, err := parts.FindLoose(filepath.Join(dir, c.path))
			if c.err != nil || err != nil {
				if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("%v, want %v: %s", err, c.err, c.text)
				}
				return
			}
			var got bytes.Buffer
			if err := l.Join(context.Background(), &got, nil); err != nil {
				t.Fatal(err)
			}
			if got.String() != c.want || l.Size != int64(len(c.want)) || (c.want == "") != (len(l.Paths) == 0) {
				t.Errorf("%q of %d bytes, want %q", &got, l.Size, c.want)
			}
		})
	}
}
