package delta

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/blob"
)

// bomb makes a recipe of a few KiB for a target of size bytes: its tokens are those of
// 20 million empty blocks, of five bytes each, for which no text is read.
func bomb(t *testing.T, size int64) (target Blob, recipe []byte) {
	t.Helper()
	const batches, blocks = 50, 400_000
	column := func(p, c []byte) []byte { return append(binary.AppendUvarint(p, uint64(len(c))), c...) }
	pieces, pads := bytes.Repeat([]byte{1}, blocks), make([]byte, blocks)
	var program []byte
	begin := append([]byte{10}, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"...)
	for range batches {
		for _, c := range [][]byte{pieces, nil, nil, nil, append(begin, pads...)} {
			program = column(program, c)
		}
		begin = nil
	}
	z, err := newZstd(nil, zstd.SpeedFastest)
	if err != nil {
		t.Fatal(err)
	}
	none, tokens := z.EncodeAll(nil, nil), z.EncodeAll(program, nil)
	empty := z.EncodeAll(make([]byte, columns), nil)
	target = inMemory(nil)
	target.Desc.Size = size
	h := Head{Target: Ref{Digest: target.Desc.Digest, Size: size}, Window: windowBytes, Sections: Sections{
		Program: int64(len(empty)), New: int64(len(none)), Changes: int64(len(none)), Tokens: int64(len(tokens)),
	}}
	recipe, err = h.bytes()
	if err != nil {
		t.Fatal(err)
	}
	return target, append(recipe, bytes.Join([][]byte{empty, none, none, tokens}, nil)...)
}

// counting counts what is written, and says when it begins.
type counting struct {
	n     int64
	begun func()
}

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.begun()
	return len(p), nil
}

// A few bytes of a recipe without bases fill no disk, whatever the target is said to
// be, and can be stopped.
func TestBomb(t *testing.T) {
	w := &counting{begun: func() {}}
	target, recipe := bomb(t, 1<<40)
	if err := Apply(t.Context(), target.Desc, blob.Bytes(recipe), nil, w, Options{TempDir: t.TempDir()}); !errors.Is(err, ErrInvalid) || w.n > 0 {
		t.Errorf("a recipe of %d bytes made %d: %v", len(recipe), w.n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.begun = cancel
	target, recipe = bomb(t, freeBytes)
	if err := Apply(ctx, target.Desc, blob.Bytes(recipe), nil, w, Options{TempDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("it went on for %d bytes: %v", w.n, err)
	}
}
