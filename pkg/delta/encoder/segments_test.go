package encoder_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/dray-oci/dray/pkg/delta/encoder"
	"github.com/dray-oci/dray/pkg/delta/encoder/internal/zdeflate"
)

// borders returns every border between blocks that an encoder can start at.
func borders(t *testing.T, v zdeflate.Variant, level int, tar []byte) (all []encoder.Checkpoint) {
	t.Helper()
	z, err := zdeflate.NewWriter(io.Discard, v, level)
	if err != nil {
		t.Fatal(err)
	}
	z.OnBlock(func(b zdeflate.Block) error {
		if b.Pos <= int64(len(tar))-2*zdeflate.WindowBytes {
			all = append(all, encoder.Checkpoint{Tar: b.Pos, Phase: b.Phase, Length: b.Length, Offset: b.Offset})
		}
		return nil
	})
	_, err = z.Write(tar)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

// A stream can be made from every border on.
func TestZlibStartsAnywhere(t *testing.T) {
	for i, v := range []zdeflate.Variant{zdeflate.Zlib, zdeflate.GNU} {
		waiting := 0
		for level := 4; level <= 9; level++ {
			tar := content(uint64(20*i+level), 1_200_000)
			copy(tar[200_000:], make([]byte, 150_000))
			name := fmt.Sprintf("%s/%d", []string{"zlib", "gzip"}[i], level)
			r := encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: header, Size: int64(len(tar)), Checkpoints: borders(t, v, level, tar)}
			if len(r.Checkpoints) < 2 {
				t.Fatalf("%s: %d borders", name, len(r.Checkpoints))
			}
			check(t, r, make1(t, name, header, tar), tar)
			for _, c := range r.Checkpoints {
				if c.Length > 2 {
					waiting++
				}
			}
		}
		if waiting == 0 {
			t.Error("at no border a match waited")
		}
	}
}

func TestZlibInParallel(t *testing.T) {
	tar := content(21, 5<<20+100_000)
	for name, points := range map[string]int{"zlib/6": 1, "gzip/9": 1, "zlib/3": 0} {
		r := mustFind(t, make1(t, name, header, tar), tar)
		if len(r.Checkpoints) != points || r.Encoder != name {
			t.Errorf("%s has %d checkpoints, as %s", name, len(r.Checkpoints), r.Encoder)
		}
		again(t, r)
	}
}
