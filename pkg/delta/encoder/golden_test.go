package encoder_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/delta/encoder"
)

//go:embed testdata/golden.txt
var golden string

var header = []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")

// Names never change their meaning: these bytes were made by the programs that
// the names stand for, and recipes that travelled hang on them. If a line fails,
// the change is wrong, not the line.
func TestGolden(t *testing.T) {
	tar := content(42, 1<<20+300_000)
	for i, line := range slices.Collect(strings.Lines(golden)) {
		name, want, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "#" || raced && i%10 != 0 {
			continue
		}
		h := sha256.New()
		r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: header, Size: int64(len(tar))}
		w, err := r.NewWriter(&skipper{h, len(header)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(tar); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
