package delta_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
)

func readBlob(tb testing.TB, b delta.Blob) []byte {
	tb.Helper()
	rc, err := b.Open(context.Background(), 0, -1)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := io.ReadAll(rc)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// makeOrWhole makes a recipe; nil means that the blob is to be carried whole.
func makeOrWhole(tb testing.TB, target delta.Blob, bases ...delta.Blob) ([]byte, delta.Stats) {
	tb.Helper()
	var recipe bytes.Buffer
	st, err := delta.Make(context.Background(), target, bases, &recipe, delta.Options{TempDir: tb.TempDir()})
	if errors.Is(err, delta.ErrNotSmaller) || errors.Is(err, delta.ErrNotExact) {
		return nil, st
	}
	if err != nil {
		tb.Fatal(err)
	}
	if st.Bytes != int64(recipe.Len()) || st.Bytes >= target.Desc.Size {
		tb.Errorf("%d bytes, said to be %d, for %d", recipe.Len(), st.Bytes, target.Desc.Size)
	}
	return recipe.Bytes(), st
}

// Random edits of random trees: rebuilt exactly, or carried whole.
func checkEdits(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	old := randomTree(rnd, 2+rnd.IntN(60))
	names := []string{"plain", "go6", "go1", "zstd", "own", "odd", "many", "ownzstd"}
	kind := names[rnd.IntN(len(names))]
	base := encode(t, kind, old.pack(t))
	other := encode(t, "go6", randomTree(rnd, 3).pack(t))
	if rnd.IntN(2) == 0 {
		kind = names[rnd.IntN(len(names))]
	}
	target := encode(t, kind, old.edit(rnd).pack(t))
	bases := []delta.Blob{other, base}[rnd.IntN(2):]
	recipe, _ := makeOrWhole(t, target, bases...)
	if recipe == nil {
		return
	}
	got, err := apply(target, recipe, bases...)
	if err != nil || !bytes.Equal(got, readBlob(t, target)) {
		t.Errorf("seed %d: rebuilt wrong: %v", seed, err)
	}
}

func TestEdits(t *testing.T) {
	for seed := range uint64(40) {
		checkEdits(t, seed)
	}
}

func FuzzEdits(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(checkEdits)
}

func TestMethods(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	tree := randomTree(rnd, 200)
	old := tree.pack(t)
	for i := range tree {
		tree[i].ModTime = tree[i].ModTime.AddDate(1, 0, 0)
	}
	tree = slices.Insert(tree, 50, randomFile(rnd, "new/file"))
	edited := tree.pack(t)
	withDiffID := func(b delta.Blob, tar []byte) delta.Blob { b.DiffID = sum(tar); return b }
	for name, c := range map[string]struct {
		target delta.Blob
		bases  []delta.Blob
		method delta.Method
		ratio  int64 // of blob to recipe, at least
	}{
		"another compression": {withDiffID(encode(t, "go6", old), old), []delta.Blob{withDiffID(encode(t, "own", old), old)}, delta.Same, 100},
		"edited":              {encode(t, "go6", edited), []delta.Blob{encode(t, "go1", old)}, delta.Delta, 20},
		"edited, plain":       {encode(t, "plain", edited), []delta.Blob{encode(t, "go1", old)}, delta.Delta, 20},
		"no base":             {encode(t, "go1", edited), nil, delta.Repack, 1},
		"nobody's encoder":    {encode(t, "own", edited), []delta.Blob{encode(t, "own", old)}, delta.Tokens, 15},
		"nobody's, odd":       {encode(t, "odd", edited), []delta.Blob{encode(t, "odd", old)}, delta.Tokens, 2},
		"members":             {encode(t, "many", edited), []delta.Blob{encode(t, "many", old)}, delta.Tokens, 10},
		"nobody's zstd":       {encode(t, "ownzstd", edited), []delta.Blob{encode(t, "ownzstd", old)}, delta.Bytes, 1},
	} {
		t.Run(name, func(t *testing.T) {
			recipe, st := makeOrWhole(t, c.target, c.bases...)
			if st.Method != c.method || st.Bytes*c.ratio > c.target.Desc.Size {
				t.Errorf("%q with %d bytes for %d", st.Method, st.Bytes, c.target.Desc.Size)
			}
			if got, err := apply(c.target, recipe, c.bases...); err != nil || !bytes.Equal(got, readBlob(t, c.target)) {
				t.Errorf("rebuilt wrong: %v", err)
			}
			h, err := delta.ReadHead(context.Background(), blob.Bytes(recipe))
			if err != nil || h.Target.Digest != c.target.Desc.Digest || len(h.Bases) != len(c.bases) {
				t.Errorf("head: %+v, %v", h, err)
			}
			if byTokens := c.method == delta.Tokens; byTokens != (h.MediaType() == delta.MediaTypeTokens) || byTokens != (recipe[7] == 2) {
				t.Errorf("a recipe of type %s, version %d", h.MediaType(), recipe[7])
			}
		})
	}
}

// The receiver may hold the base under another compression, and bases that are of
// no use are not asked for.
func TestBaseUnderAnotherCompression(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 1))
	tree := randomTree(rnd, 100)
	old := tree.pack(t)
	target := encode(t, "go6", tree.edit(rnd).pack(t))
	useless := encode(t, "go6", []byte("no tar"))
	recipe, _ := makeOrWhole(t, target, useless, encode(t, "go6", old))
	held := encode(t, "zstd", old)
	held.DiffID = sum(old)
	got, err := apply(target, recipe, held)
	if err != nil || !bytes.Equal(got, readBlob(t, target)) {
		t.Errorf("rebuilt wrong: %v", err)
	}
}

// Where tokens are taken the base has to be the very blob.
func TestTokensOfAnotherCompression(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 1))
	tree := randomTree(rnd, 100)
	old := tree.pack(t)
	base, target := encode(t, "own", old), encode(t, "own", tree.edit(rnd).pack(t))
	base.DiffID = sum(old)
	recipe, st := makeOrWhole(t, target, base)
	held := encode(t, "go6", old)
	held.DiffID = sum(old)
	_, err := apply(target, recipe, held)
	if st.Method != delta.Tokens || err == nil || !strings.Contains(err.Error(), "its very bytes are needed") {
		t.Errorf("%q: %v", st.Method, err)
	}
}

// A base that only the receiver has is stood for by the target, if both are the same tar.
func TestBaseThatOnlyTheReceiverHas(t *testing.T) {
	tar := randomTree(rand.New(rand.NewPCG(7, 1)), 100).pack(t)
	target, there := encode(t, "go6", tar), encode(t, "own", tar)
	target.DiffID, there.DiffID = sum(tar), sum(tar)
	here := there
	here.Open, here.Held = target.Open, &target.Desc
	recipe, st := makeOrWhole(t, target, here)
	got, err := apply(target, recipe, there)
	if err != nil || st.Method != delta.Same || !bytes.Equal(got, readBlob(t, target)) {
		t.Errorf("%+v: %v", st, err)
	}
}

func TestWhatCannotBeDescribed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	noise := tree{randomFile(rnd, "a")}
	noise[0].Typeflag, noise[0].content = '0', binary(rnd, 20000)
	for name, c := range map[string]struct {
		target delta.Blob
		want   error
	}{
		"noise":            {encode(t, "go6", noise.pack(t)), delta.ErrNotSmaller},
		"nobody's encoder": {encode(t, "own", noise.pack(t)), delta.ErrNotExact},
		"empty":            {made(nil), delta.ErrNotSmaller},
	} {
		_, err := delta.Make(context.Background(), c.target, nil, io.Discard, delta.Options{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 1))
	tree := randomTree(rnd, 50)
	base := encode(t, "own", tree.pack(t))
	target := encode(t, "own", tree.edit(rnd).pack(t))
	recipe, _ := makeOrWhole(t, target, base)
	first := bytes.Clone(recipe)
	first[7] = 1
	damaged := bytes.Clone(readBlob(t, base))
	damaged[len(damaged)/2]++
	broken := base
	broken.Open = blob.Bytes(damaged)
	other := target
	other.Desc.Digest = base.Desc.Digest
	for name, c := range map[string]struct {
		target delta.Blob
		recipe []byte
		bases  []delta.Blob
		says   string
	}{
		"no base":             {target, recipe, nil, "no sha256:"},
		"a damaged base":      {target, recipe, []delta.Blob{broken}, "reading base " + base.Desc.Digest.String()},
		"for another blob":    {other, recipe, []delta.Blob{base}, "it is for"},
		"cut":                 {target, recipe[:len(recipe)-20], []delta.Blob{base}, "not a valid recipe"},
		"of two versions":     {target, first, []delta.Blob{base}, "a section that version 1 has not"},
		"nothing":             {target, nil, []delta.Blob{base}, "it is cut"},
		"of a future version": {target, append([]byte("drayrcp\x03"), recipe[8:]...), nil, "this version"},
	} {
		_, err := apply(c.target, c.recipe, c.bases...)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := delta.Options{MaxUnpackedBytes: 100}
	err := delta.Apply(context.Background(), target.Desc, blob.Bytes(recipe), among(base), io.Discard, small)
	if err == nil || !strings.Contains(err.Error(), "more than the 100 allowed") {
		t.Errorf("too large: %v", err)
	}
}

// Whatever a recipe says, what comes out with a nil error is the target, and
// nothing larger is ever written.
func FuzzApply(f *testing.F) {
	rnd := rand.New(rand.NewPCG(5, 1))
	tree := randomTree(rnd, 4)
	edited := tree.edit(rnd).pack(f)
	var bases, targets []delta.Blob
	for i, kind := range []string{"go6", "own"} {
		bases, targets = append(bases, encode(f, kind, tree.pack(f))), append(targets, encode(f, kind, edited))
		recipe, _ := makeOrWhole(f, targets[i], bases[i])
		f.Add(recipe, 100, byte(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, at int, b byte) {
		raw = bytes.Clone(raw)
		if at >= 0 && at < len(raw) {
			raw[at] = b
		}
		for _, target := range targets {
			got, err := apply(target, raw, bases...)
			if err == nil && sum(got) != target.Desc.Digest || int64(len(got)) > target.Desc.Size {
				t.Errorf("%d bytes: %v", len(got), err)
			}
		}
	})
}

// With bases of something else it is the caller's choice to compress a layer better.
func TestNoRepack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 1))
	base, target := encode(t, "go6", randomTree(rnd, 5).pack(t)), encode(t, "go1", tree{randomFile(rnd, "x/y")}.pack(t))
	_, err := delta.Make(context.Background(), target, []delta.Blob{base}, io.Discard, delta.Options{NoRepack: true})
	if !errors.Is(err, delta.ErrNotSmaller) {
		t.Error(err)
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := encode(t, "go6", randomTree(rand.New(rand.NewPCG(6, 1)), 9).pack(t))
	if _, err := delta.Make(ctx, b, nil, io.Discard, delta.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d := v1.Descriptor{Digest: b.Desc.Digest}
	if err := delta.Apply(ctx, d, b.Open, nil, io.Discard, delta.Options{}); err == nil {
		t.Error("applied")
	}
}
