package encoder

import (
	"fmt"
	"io"
	"strings"

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

// zstdPeeked ends the settings of those whose first block is zstdPeek bytes long.
// github.com/containers/image reads as many to see whether a layer is compressed, and
// the encoder gets them before the rest.
const (
	zstdPeeked = "/8"
	zstdPeek   = 8
)

type zstdEngine struct {
	level  zstd.EncoderLevel
	peeked bool
}

func (e zstdEngine) newWriter(w io.Writer) (io.WriteCloser, error) {
	// One worker: the output is the same with more, the memory is not.
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(e.level))
	if err != nil || !e.peeked {
		return z, err
	}
	return &peekedWriter{z, zstdPeek}, nil
}

// A peekedWriter ends a block after so many bytes.
type peekedWriter struct {
	*zstd.Encoder
	left int
}

func (z *peekedWriter) Write(p []byte) (int, error) {
	n := min(len(p), z.left)
	if n > 0 {
		if m, err := z.Encoder.Write(p[:n]); err != nil {
			return m, err
		}
		if z.left -= n; z.left == 0 {
			if err := z.Flush(); err != nil {
				return n, err
			}
		}
	}
	m, err := z.Encoder.Write(p[n:])
	return n + m, err
}

func zstdEngineOf(name string) (engine, error) {
	settings, peeked := strings.CutSuffix(name, zstdPeeked)
	for _, l := range zstdLevels {
		if settings == zstdFamily+"/"+l.name {
			return zstdEngine{l.level, peeked}, nil
		}
	}
	return nil, fmt.Errorf("encoder %q is not known", name)
}
