package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/internal/disk"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// spaceEvery is after how many bytes the free space below TempDir is looked at, and
// what is left to others: the next bytes, and as many again.
const spaceEvery = 64 << 20

// unpack writes the tar that r holds, compressed or not, into a temporary file,
// and makes its table. It reads r to the end, so that its checksums count.
func (a *Archive) unpack(ctx context.Context, r io.Reader) error {
	z, err := compress.NewReader(r, compress.Limits{})
	if err != nil {
		return invalid(err)
	}
	a.kind = z.Kind
	buf := bufio.NewReaderSize(z, 64<<10)
	if err := looksLikeTar(buf); err != nil {
		return errors.Join(invalid(err), z.Close())
	}
	f, err := createTemp(a.o.TempDir)
	if err != nil {
		return errors.Join(err, z.Close())
	}
	a.file = f
	n, err := blob.Copy(ctx, &spacious{f: f.File}, buf)
	if err := errors.Join(err, z.Close()); err != nil {
		return invalid(err)
	}
	a.o.Events.Emit(event.Event{
		Kind: event.Note, Name: a.path, N: n,
		Text: fmt.Sprintf("the archive %s was unpacked into a temporary file of %d bytes in %s", a.path, n, filepath.Dir(f.Name())),
	})
	a.table, err = tario.Index(ctx, f, n)
	return invalid(err)
}

// looksLikeTar finds out before a disk is filled with something else.
func looksLikeTar(r *bufio.Reader) error {
	head, err := r.Peek(tario.BlockBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) == 0 {
		advice := "if it came through a pipe: did the command before it fail?"
		return fmt.Errorf("%w: %w", &pathError{"there is nothing in it", advice}, place.ErrInvalid)
	}
	if _, err := tar.NewReader(bytes.NewReader(head)).Next(); errors.Is(err, tar.ErrHeader) || len(head) < tario.BlockBytes {
		return fmt.Errorf("it is no tar: %w", place.ErrInvalid)
	}
	return nil
}

// A tempFile is gone when it is closed, and where the system allows it also if
// the process never comes to that.
type tempFile struct {
	*os.File
	named bool
}

func createTemp(dir string) (*tempFile, error) {
	f, err := os.CreateTemp(dir, "dray-*.tar")
	if err != nil {
		return nil, err
	}
	t := &tempFile{f, true}
	if runtime.GOOS != "windows" {
		t.named = os.Remove(f.Name()) != nil
	}
	return t, nil
}

func (t *tempFile) Close() error {
	err := t.File.Close()
	if t.named {
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}

// spacious writes to f, and stops before the disk is full.
type spacious struct {
	f *os.File
	n int64 // written since the space was looked at
}

func (s *spacious) Write(b []byte) (int, error) {
	if s.n+int64(len(b)) > spaceEvery {
		if free, ok := disk.Free(filepath.Dir(s.f.Name())); ok && free < 2*spaceEvery {
			return 0, &SpaceError{Path: s.f.Name(), Need: 2 * spaceEvery, Free: free}
		}
		s.n = 0
	}
	n, err := s.f.Write(b)
	s.n += int64(n)
	return n, err
}
