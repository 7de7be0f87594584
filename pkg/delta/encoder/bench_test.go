package encoder_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta/encoder"
)

var benched = []string{"go1.8/6", "go1.8/1", "go1.27/6", "pgzip-kp1.18.5/5/1MiB", "zlib/6", "gzip/6", "pigz/6", "zstd-kp1.17/default"}

func benchRecipe(name string, size int) encoder.Recipe {
	switch name[:2] {
	case "zs":
		return encoder.Recipe{Wrap: encoder.Zstd, Encoder: name, Size: int64(size)}
	case "pg":
		return encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: pgzipHeader, Size: int64(size)}
	case "zl", "gz", "pi":
		return encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), Size: int64(size)}
	}
	return encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: header, Size: int64(size)}
}

// BenchmarkEncode is in bytes of tar, on one core.
func BenchmarkEncode(b *testing.B) {
	tar := content(1, 8<<20)
	for _, name := range benched {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(tar)))
			for b.Loop() {
				if err := benchRecipe(name, len(tar)).Encode(context.Background(), io.Discard, bytes.NewReader(tar), int64(len(tar)), 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFind is in bytes of tar, with all that is tried in vain.
func BenchmarkFind(b *testing.B) {
	tar := content(1, 8<<20)
	for _, name := range benched {
		b.Run(name, func(b *testing.B) {
			var packed bytes.Buffer
			if err := benchRecipe(name, len(tar)).Encode(context.Background(), &packed, bytes.NewReader(tar), int64(len(tar)), 1); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(tar)))
			for b.Loop() {
				if _, err := encoder.Find(context.Background(), blob.Bytes(packed.Bytes()), int64(packed.Len()), encoder.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("unknown", func(b *testing.B) { benchUnknown(b, tar) })
}

// benchUnknown tries everything in vain.
func benchUnknown(b *testing.B, tar []byte) {
	packed := stdGzip(b, tar, 6)
	packed[20] ^= 1
	b.SetBytes(int64(len(tar)))
	for b.Loop() {
		o := encoder.Options{Tar: blob.Bytes(tar)}
		if _, err := encoder.Find(context.Background(), blob.Bytes(packed), int64(len(packed)), o); !errors.Is(err, encoder.ErrUnknown) {
			b.Fatal(err)
		}
	}
}
