package delta_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/dray-oci/dray/pkg/delta"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

// encodeAs makes a blob as the encoder does that a recipe names.
func encodeAs(t *testing.T, name string, tar []byte) delta.Blob {
	t.Helper()
	r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), Size: int64(len(tar))}
	if name[:4] == "zstd" {
		r.Wrap, r.Header = encoder.Zstd, nil
	}
	var b bytes.Buffer
	w, err := r.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(tar)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return made(b.Bytes())
}

// What encoders of every family make of an edited tree is rebuilt from what another
// made of the old one.
func TestEditsOfEveryEncoder(t *testing.T) {
	names := []string{
		"go1.8/6", "go1.8/1", "go1.27/6", "kp1.15/5", "kp1.18.0/4", "kp1.18.5/9", "pgzip-kp1.15/5/1MiB", "pgzip-kp1.18.5/5/256KiB", "pgzip-kp1.20/9/1MiB",
		"zlib/6", "gzip/6", "gzip/9", "pigz/6", "zstd-kp1.17/default", "zstd-kp1.17/fastest/8", "zstd-kp1.17/default/8", "zstd-kp1.17/better",
	}
	for i, name := range names {
		rnd := rand.New(rand.NewPCG(uint64(i), 13))
		old := randomTree(rnd, 30)
		base := encodeAs(t, names[rnd.IntN(len(names))], old.pack(t))
		target := encodeAs(t, name, old.edit(rnd).pack(t))
		recipe, st := makeOrWhole(t, target, base)
		if st.Encoder == "" { // another may make the same of so little
			t.Errorf("%s: %+v", name, st)
			continue
		}
		got, err := apply(target, recipe, base)
		if err != nil || !bytes.Equal(got, readBlob(t, target)) {
			t.Errorf("%s: rebuilt wrong: %v", name, err)
		}
	}
}
