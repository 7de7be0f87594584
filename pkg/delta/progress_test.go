package delta_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
	"github.com/dray-oci/dray/pkg/event"
)

// What is told only goes up, from the start to the very end, also if there is no recipe.
func TestProgress(t *testing.T) {
	for _, kind := range []string{"go6", "own"} {
		t.Run(kind, func(t *testing.T) { checkProgress(t, kind) })
	}
}

func checkProgress(t *testing.T, kind string) {
	rnd := rand.New(rand.NewPCG(11, 1))
	tree := randomTree(rnd, 300)
	base := encode(t, kind, tree.pack(t))
	target := encode(t, kind, tree.edit(rnd).pack(t))
	var recipe bytes.Buffer
	steps := func(text string, do func(delta.Options) error) {
		var last, count int64
		err := do(delta.Options{TempDir: t.TempDir(), Events: func(e event.Event) {
			if e.Kind != event.Work || e.Text != text || e.Blob.Digest != target.Desc.Digest || e.Total != target.Desc.Size || e.N <= last {
				t.Errorf("after %d: %+v", last, e)
			}
			last = e.N
			count++
		}})
		if err != nil || last != target.Desc.Size || count < 10 {
			t.Errorf("%s: %d of %d in %d steps, %v", text, last, target.Desc.Size, count, err)
		}
	}
	steps("making delta", func(o delta.Options) error {
		_, err := delta.Make(context.Background(), target, []delta.Blob{base}, &recipe, o)
		return err
	})
	steps("rebuilding", func(o delta.Options) error {
		return delta.Apply(context.Background(), target.Desc, blob.Bytes(recipe.Bytes()), among(base), io.Discard, o)
	})

	target = encode(t, kind, randomTree(rnd, 5).pack(t))
	ended := false
	_, err := delta.Make(context.Background(), target, []delta.Blob{base}, io.Discard, delta.Options{NoRepack: true, Events: func(e event.Event) {
		ended = e.N == e.Total
	}})
	if err == nil || !ended {
		t.Errorf("%v, and it goes on", err)
	}
}
