package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// A Packed writes an archive to a file that is compressed as a whole. Layers are
// compressed already, so this saves little; it is for those who must have it.
// What interrupted it is not continued: a compressed stream cannot be entered in
// the middle.
type Packed struct {
	*Stream
	path string // of the archive, links followed
	kind compress.Kind
	f    *os.File // by its temporary name; nil before Plan and after the end
	z    io.WriteCloser
}

var (
	_ place.Sink    = (*Packed)(nil)
	_ place.Planner = (*Packed)(nil)
)

// Packing returns the compression that the ending of path asks for: .gz, .tgz
// or .zst, else none.
func Packing(path string) compress.Kind {
	switch {
	case strings.HasSuffix(path, ".gz"), strings.HasSuffix(path, ".tgz"):
		return compress.Gzip
	case strings.HasSuffix(path, ".zst"):
		return compress.Zstd
	}
	return compress.None
}

// CreatePacked is [Create] for an archive compressed by kind.
func CreatePacked(path string, kind compress.Kind, o Options) (*Packed, error) {
	target, err := target(path)
	if err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	p := &Packed{path: target, kind: kind}
	p.Stream, err = NewStream(packedWriter{p}, o)
	return p, err
}

// packedWriter is where the stream goes, once there is a file.
type packedWriter struct{ p *Packed }

func (w packedWriter) Write(b []byte) (int, error) { return w.p.z.Write(b) }

// Plan makes the temporary file and writes all that stands before the first layer.
// When it is called again, it starts from nothing.
func (p *Packed) Plan(ctx context.Context, plan place.Plan) ([]v1.Descriptor, error) {
	if err := p.reset(); err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(p.path), "."+filepath.Base(p.path)+".*")
	if err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	p.f = f
	if p.z, err = compress.NewWriter(f, p.kind); err != nil {
		return nil, fmt.Errorf("writing archive: %w", err)
	}
	return p.Stream.Plan(ctx, plan)
}

// reset drops what was planned and written.
func (p *Packed) reset() (err error) {
	if p.f == nil {
		return nil
	}
	if err := errors.Join(p.z.Close(), p.Close()); err != nil {
		return err
	}
	p.Stream, err = NewStream(packedWriter{p}, p.o)
	return err
}

// Commit of the last root ends the archive and gives it its name.
func (p *Packed) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	if err := p.Stream.Commit(ctx, root, names...); err != nil || !p.ended || p.f == nil {
		return err
	}
	f := p.f
	p.f = nil
	err := errors.Join(p.z.Close(), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("writing archive: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return syncDir(filepath.Dir(p.path))
}

// Close removes what was not finished.
func (p *Packed) Close() error {
	if p.f == nil {
		return nil
	}
	f := p.f
	p.f = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
