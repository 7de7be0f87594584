package delta_test

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	bin "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/delta"
)

// A tree is a file system, in the order in which it is packed.
type tree []file

type file struct {
	tar.Header
	content []byte
}

func randomText(rnd *rand.Rand, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		if rnd.IntN(8) == 0 {
			b.Write(binary(rnd, rnd.IntN(200)))
		}
		fmt.Fprintf(&b, "line %d of %x\n", rnd.IntN(1000), rnd.Uint32N(1<<12))
	}
	return b.Bytes()[:n]
}

func binary(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func randomTree(rnd *rand.Rand, files int) (t tree) {
	for i := range files {
		t = append(t, randomFile(rnd, fmt.Sprintf("usr/lib/dir%d/file-1.%d.so", i%5, i)))
	}
	return t
}

func randomFile(rnd *rand.Rand, name string) file {
	f := file{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: time.Unix(1.7e9+rnd.Int64N(1e6), 0)}}
	switch rnd.IntN(8) {
	case 0:
		f.Typeflag, f.Name = tar.TypeDir, name+"/"
	case 1:
		f.Typeflag, f.Linkname = tar.TypeSymlink, "../x/"+name
	case 2:
		f.Format = tar.FormatPAX
		f.PAXRecords = map[string]string{"SCHILY.xattr.user.x": fmt.Sprint(rnd.Uint32())}
		f.ModTime = f.ModTime.Add(123456789)
	case 3:
		f.Format, f.Name = tar.FormatGNU, strings.Repeat("long/", 25)+name
	}
	if f.Typeflag == tar.TypeReg {
		f.content = randomText(rnd, rnd.IntN(1<<(4+rnd.IntN(12))))
	}
	return f
}

// edit returns t after an edit of every kind that rnd chooses.
func (t tree) edit(rnd *rand.Rand) tree {
	t = slices.Clone(t)
	for range 1 + rnd.IntN(6) {
		i := rnd.IntN(len(t))
		switch rnd.IntN(8) {
		case 0:
			t = slices.Insert(t, i, randomFile(rnd, fmt.Sprintf("new/file%d", rnd.Uint32())))
		case 1:
			if len(t) > 1 {
				t = slices.Delete(t, i, i+1)
			}
		case 2:
			t[i].Name = "moved/" + t[i].Name
		case 3:
			rnd.Shuffle(len(t), func(i, k int) { t[i], t[k] = t[k], t[i] })
		case 4:
			for k := range t {
				t[k].ModTime = time.Unix(1.8e9+int64(k/3), 0)
			}
		case 5:
			t[i].Mode ^= 0o111
		default:
			t[i].content = change(rnd, t[i].content)
		}
	}
	return t
}

// change changes bytes here and there, and puts some in or takes some out.
func change(rnd *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + rnd.IntN(5) {
		if len(b) == 0 {
			break
		}
		i := rnd.IntN(len(b))
		switch rnd.IntN(3) {
		case 0:
			b[i]++
		case 1:
			b = slices.Insert(b, i, randomText(rnd, rnd.IntN(40))...)
		case 2:
			b = slices.Delete(b, i, min(len(b), i+rnd.IntN(40)))
		}
	}
	return b
}

func (t tree) pack(tb testing.TB) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range t {
		if f.Size = int64(len(f.content)); f.Typeflag != tar.TypeReg {
			f.Size = 0
		}
		if err := w.WriteHeader(&f.Header); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(f.content[:f.Size]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// encoders are ways to compress a tar: plain, known, and of nobody.
var encoders = map[string]func(io.Writer) (io.WriteCloser, error){
	"plain": func(w io.Writer) (io.WriteCloser, error) { return nop{w}, nil },
	"go6":   func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 6) },
	"go1":   func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 1) },
	"zstd":  func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"own":   func(w io.Writer) (io.WriteCloser, error) { return &flusher{gzip.NewWriter(w)}, nil },
	"odd":   func(w io.Writer) (io.WriteCloser, error) { return newOdd(w) },
	"many":  func(w io.Writer) (io.WriteCloser, error) { return members{w}, nil },
	"ownzstd": func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithWindowSize(zstd.MinWindowSize), zstd.WithNoEntropyCompression(true))
	},
}

type nop struct{ io.Writer }

func (nop) Close() error { return nil }

// flusher is an encoder that nobody has: it ends a block with every write.
type flusher struct{ *gzip.Writer }

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.Flush()
}

// odd is an encoder that nobody has: it makes stored, fixed and dynamic blocks, by a
// level that depends on what is written.
type odd struct {
	w   io.Writer
	all bytes.Buffer
}

func newOdd(w io.Writer) (*odd, error) {
	_, err := w.Write([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x07odd\x00"))
	return &odd{w: w}, err
}

func (o *odd) Write(p []byte) (int, error) {
	for part := range slices.Chunk(p, 60+int(crc32.ChecksumIEEE(p)%8)*1000) {
		level := int(crc32.ChecksumIEEE(part)%12) - 2
		z, err := flate.NewWriterDict(o.w, level, o.all.Bytes())
		if err != nil {
			return 0, err
		}
		if _, err := z.Write(part); err != nil {
			return 0, err
		}
		if err := z.Flush(); err != nil {
			return 0, err
		}
		o.all.Write(part)
	}
	return len(p), nil
}

func (o *odd) Close() error {
	end := []byte{3, 0} // an empty block
	end = bin.LittleEndian.AppendUint32(end, crc32.ChecksumIEEE(o.all.Bytes()))
	_, err := o.w.Write(bin.LittleEndian.AppendUint32(end, uint32(o.all.Len())))
	return err
}

// members makes every write a gzip member.
type members struct{ io.Writer }

func (m members) Write(p []byte) (int, error) {
	z := gzip.NewWriter(m.Writer)
	n, err := z.Write(p)
	return n, errors.Join(err, z.Close())
}

func (members) Close() error { return nil }

func encode(tb testing.TB, encoder string, tar []byte) delta.Blob {
	tb.Helper()
	var buf bytes.Buffer
	w, err := encoders[encoder](&buf)
	if err != nil {
		tb.Fatal(err)
	}
	for chunk := range slices.Chunk(tar, 3000) {
		if _, err := w.Write(chunk); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return made(buf.Bytes())
}

func made(raw []byte) delta.Blob {
	return delta.Blob{Desc: v1.Descriptor{Digest: sum(raw), Size: int64(len(raw))}, Open: blob.Bytes(raw)}
}

func sum(b []byte) v1.Hash {
	s := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(s[:])}
}

// among finds bases by digest.
func among(bases ...delta.Blob) func(delta.Base) (delta.Blob, error) {
	return func(want delta.Base) (delta.Blob, error) {
		for _, b := range bases {
			if b.Desc.Digest == want.Digest || !want.Packed && b.DiffID == want.DiffID {
				return b, nil
			}
		}
		return delta.Blob{}, fmt.Errorf("no %s", want.Digest)
	}
}

func apply(target delta.Blob, recipe []byte, bases ...delta.Blob) ([]byte, error) {
	var out bytes.Buffer
	err := delta.Apply(context.Background(), target.Desc, blob.Bytes(recipe), among(bases...), &out, delta.Options{})
	return out.Bytes(), err
}
