package delta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/delta/tokens"
)

// tell writes down what tokens the target is made of, by those of the bases.
func (m *maker) tell(ctx context.Context) (err error) {
	if !slices.ContainsFunc(m.head.Bases, func(b Base) bool { return b.Tokens }) {
		return fmt.Errorf("%w: no base has tokens", ErrNotSmaller)
	}
	m.o.progress.stage(m.target.Desc.Size + m.reading())
	hints, err := newHintSpool(m.o.TempDir, m.head.Length)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hints.Close()) }()
	if err := hints.file.reserve(m.head.hintBytes()); err != nil {
		return err
	}
	r, err := newReader(m.program, m.head.total())
	if err != nil {
		return err
	}
	all, err := moves(r, m.head)
	if err != nil {
		return err
	}
	if err := gather(ctx, m.head, all, m.base, nowhere{}, hints, m.o); err != nil {
		return notTold(err)
	}
	told, err := hints.reader(m.program, m.head.total())
	if err != nil {
		return err
	}
	z, err := newZstd(m.tokens, zstd.SpeedBestCompression)
	if err != nil {
		return err
	}
	in, err := m.target.open(ctx, true, m.target.Desc.Size, m.o.progress)
	if err != nil {
		return err
	}
	err = tokens.Describe(in, told, z)
	return notTold(errors.Join(err, z.Close(), in.Close()))
}

// notTold says of a blob that cannot be told in tokens that there is no recipe.
func notTold(err error) error {
	if errors.Is(err, tokens.ErrFormat) || errors.Is(err, ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrNotExact, err)
	}
	return err
}

// nowhere takes bytes that nobody wants.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
