package encoder

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdFamily is the zstd of klauspost/compress from 1.17.11 to 1.20.2. It is no
// frozen copy but the library that go.mod names: see TestZstdIsPinned.
const zstdFamily = "zstd-kp1.17"

var zstdLevels = [...]struct {
	name  string
	level zstd.EncoderLevel
}{
	{"default", zstd.SpeedDefault},
	{"fastest", zstd.SpeedFastest},
	{"better", zstd.SpeedBetterCompression},
	{"best", zstd.SpeedBestCompression},
}

type zstdEngine zstd.EncoderLevel

func (e zstdEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	// One worker: the output is the same with more, the memory is not.
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevel(e)))
}

func zstdEngineOf(name string) (engine, error) {
	for _, l := range zstdLevels {
		if name == zstdFamily+"/"+l.name {
			return zstdEngine(l.level), nil
		}
	}
	return nil, fmt.Errorf("encoder %q is not known", name)
}
