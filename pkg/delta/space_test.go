package delta_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
	"github.com/dray-oci/dray/pkg/internal/disk"
)

// A disk without room is not filled: nothing is read of bases, nothing is written.
func TestSpace(t *testing.T) {
	dir := t.TempDir()
	if _, ok := disk.Free(dir); !ok {
		t.Skip("it is not known here how much room there is")
	}
	rnd := rand.New(rand.NewPCG(12, 1))
	tree := randomTree(rnd, 50)
	base := encode(t, "go6", tree.pack(t))
	target := encode(t, "go6", tree.edit(rnd).pack(t))
	recipe, _ := makeOrWhole(t, target, base)
	read := false
	base.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		read = true
		return nil, errors.New("read")
	}
	out := &strings.Builder{}
	err := delta.Apply(context.Background(), target.Desc, blob.Bytes(recipe), among(base), out, delta.Options{TempDir: dir, Spare: 1 << 60})
	var space *delta.SpaceError
	if !errors.As(err, &space) || space.Dir != dir || space.Need <= 1<<60 || !strings.Contains(space.Hint(), "--tmpdir") {
		t.Errorf("%v", err)
	}
	if read || out.Len() > 0 {
		t.Errorf("read: %v, written: %d bytes", read, out.Len())
	}
}
