package encoder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

func seeds(f *testing.F) []encoder.Recipe {
	f.Helper()
	all := []encoder.Recipe{
		{Wrap: encoder.Plain, Size: 77},
		{Wrap: encoder.Gzip, Encoder: "go1.8/6", Header: header, Size: 350_000, Checkpoints: []encoder.Checkpoint{{Tar: 200_000, Phase: 3, Length: 20, Offset: 99}}},
		{Wrap: encoder.Gzip, Encoder: "zlib/6", Header: header, Size: 350_000, Checkpoints: []encoder.Checkpoint{{Tar: 200_000, Phase: 5, Length: 258, Offset: 30_000}}},
		{Wrap: encoder.Gzip, Encoder: "pgzip-kp1.18.5/5/256KiB", Header: pgzipHeader, Size: 300_000},
	}
	for _, r := range all {
		if err := r.Validate(); err != nil {
			f.Fatal(err)
		}
	}
	return all
}

// What parses is valid, and goes through both forms unchanged.
func FuzzParse(f *testing.F) {
	for _, r := range seeds(f) {
		b, err := r.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := encoder.Parse(b)
		if err != nil {
			if !errors.Is(err, encoder.ErrRecipe) {
				t.Error(err)
			}
			return
		}
		again(t, r)
		j, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got encoder.Recipe
		if err := json.Unmarshal(j, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Error(d)
		}
	})
}

// A recipe of one tar does what it wants with another, but no panic, and the
// same on one core as on several unless a checkpoint is wrong.
func FuzzEncode(f *testing.F) {
	for _, r := range seeds(f) {
		b, _ := r.MarshalBinary()
		f.Add(b, uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		r, err := encoder.Parse(b)
		if err != nil || r.Size > 400_000 {
			return
		}
		tar := content(seed, int(r.Size))
		var one, many bytes.Buffer
		if err := r.Encode(context.Background(), &one, bytes.NewReader(tar), r.Size, 1); err != nil {
			t.Fatal(err)
		}
		err = r.Encode(context.Background(), &many, bytes.NewReader(tar), r.Size, 2)
		if err != nil && !errors.Is(err, encoder.ErrRecipe) {
			t.Error(err)
		}
		if err == nil && len(r.Checkpoints) == 0 && !bytes.Equal(one.Bytes(), many.Bytes()) {
			t.Error("several jobs make other bytes")
		}
	})
}

// Whatever a blob is, what is found makes it.
func FuzzFind(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add(stdGzip(f, []byte("the content of a layer"), 6))
	f.Add(make1(f, "pgzip-kp1.15/5/1MiB", pgzipHeader, []byte("layer layer layer")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 100 { // which can become 100,000
			return
		}
		r, err := encoder.Find(context.Background(), blob.Bytes(b), int64(len(b)), encoder.Options{})
		if err != nil {
			if !errors.Is(err, encoder.ErrUnknown) {
				t.Error(err)
			}
			return
		}
		if r.Wrap == encoder.Plain {
			check(t, r, b, b)
		}
	})
}
