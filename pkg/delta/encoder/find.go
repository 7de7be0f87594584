package encoder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// An Opener opens a stream from offset on, length bytes of it or the rest if
// length is negative, as blob.Opener does. Whoever calls it closes the reader.
type Opener = func(ctx context.Context, offset, length int64) (io.ReadCloser, error)

// Options are what [Find] may use. The zero value works.
type Options struct {
	// Tar opens the plain tar of the blob, where it is at hand: it saves
	// inflating the blob. It is opened from the start only, several times.
	Tar Opener
}

// prefixBytes is how much of blob and tar candidates are tried on. Most die at
// their first block; those that differ in the size of their blocks do after the
// first MiB.
const prefixBytes = 2<<20 + 256<<10

// Find returns a recipe that makes exactly the blob of size bytes that open
// opens, proven by making it. What is neither gzip nor zstd is a plain tar. The
// error satisfies [ErrUnknown] if no encoder that is known here makes these
// bytes, or they are damaged or unpack to more than 64 MiB and 1,100 times their
// size. Memory is about 10 MiB whatever the size, and the windows of zstd; the
// blob is opened several times.
func Find(ctx context.Context, open Opener, size int64, o Options) (Recipe, error) {
	head, err := readPrefix(ctx, open)
	if err != nil {
		return Recipe{}, fmt.Errorf("reading the blob: %w", err)
	}
	tries := candidates(head)
	if tries == nil {
		return Recipe{Wrap: Plain, Size: size}, nil
	}
	f := &finder{open: open, tar: o.Tar, size: size, head: head}
	if f.tar == nil {
		f.tar = f.inflate
	}
	if f.start, err = readPrefix(ctx, f.tar); err != nil {
		return Recipe{}, f.blame(err)
	}
	if len(f.start) < prefixBytes { // all of it
		f.tar = bytesOpener(f.start)
	}
	if size <= int64(len(head)) {
		f.open = bytesOpener(head)
	}
	return f.find(ctx, tries)
}

func readPrefix(ctx context.Context, open Opener) ([]byte, error) {
	rc, err := open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, prefixBytes))
}

func bytesOpener(b []byte) Opener {
	return func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
}

// candidates are the recipes to try for a blob that begins with head, the
// likeliest first; none if it is not compressed.
func candidates(head []byte) []Recipe {
	var all []Recipe
	if bytes.HasPrefix(head, zstdMagic) {
		for _, l := range zstdLevels {
			name := zstdFamily + "/" + l.name
			all = append(all, Recipe{Wrap: Zstd, Encoder: name}, Recipe{Wrap: Zstd, Encoder: name + zstdPeeked})
		}
		return all
	}
	n, err := gzipHeaderLen(head)
	if err != nil {
		return nil
	}
	header := bytes.Clone(head[:n])
	for _, name := range names(gzipHints(header)) {
		all = append(all, Recipe{Wrap: Gzip, Encoder: name, Header: header})
	}
	return all
}

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

type finder struct {
	open, tar   Opener
	size        int64
	head, start []byte // of the blob and of its tar
	broken      error  // of what was inflated
}

func (f *finder) find(ctx context.Context, tries []Recipe) (Recipe, error) {
	for _, r := range tries {
		if err := f.try(ctx, r); errors.Is(err, errDiffers) {
			continue
		} else if err != nil {
			return Recipe{}, err
		}
		r, err := f.prove(ctx, r)
		if err == nil || !errors.Is(err, errDiffers) {
			return r, err
		}
	}
	return Recipe{}, ErrUnknown
}

// try returns errDiffers if r does not make the head of the blob.
func (f *finder) try(ctx context.Context, r Recipe) error {
	w, err := r.newWriter(&matcher{want: bytes.NewReader(f.head), partly: true}, nil)
	if err != nil {
		return err
	}
	if err = copyAll(ctx, w, bytes.NewReader(f.start)); errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// prove makes the whole blob and returns r with all that was found out.
func (f *finder) prove(ctx context.Context, r Recipe) (Recipe, error) {
	blob, err := f.open(ctx, 0, -1)
	if err != nil {
		return Recipe{}, fmt.Errorf("reading the blob: %w", err)
	}
	defer blob.Close()
	tar, err := f.tar(ctx, 0, -1)
	if err != nil {
		return Recipe{}, f.blame(err)
	}
	defer tar.Close()
	m := &matcher{want: blob}
	w, err := r.newWriter(m, func(c Checkpoint) {
		if n := len(r.Checkpoints); n == 0 && c.Tar >= segmentBytes || n > 0 && c.Tar-r.Checkpoints[n-1].Tar >= segmentBytes {
			r.Checkpoints = append(r.Checkpoints, c)
		}
	})
	if err != nil {
		return Recipe{}, err
	}
	src := &source{r: tar}
	if err := copyAll(ctx, w, src); err != nil {
		if src.err != nil {
			return Recipe{}, f.blame(src.err)
		}
		return Recipe{}, err
	}
	if err := errors.Join(w.Close(), m.ended()); err != nil {
		return Recipe{}, err
	}
	r.Size = w.n
	r.Checkpoints = useful(r.Checkpoints, r.Size)
	return r, nil
}

// useful returns the checkpoints that a tar of size bytes can be resumed at.
func useful(cs []Checkpoint, size int64) []Checkpoint {
	for len(cs) > 0 && cs[len(cs)-1].Tar > size-tailBytes {
		cs = cs[:len(cs)-1]
	}
	if len(cs) == 0 || checkCheckpoints(cs, size) != nil {
		return nil
	}
	return cs
}
