package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
)

// nearby keeps blobs that are read several times in files, while they are.
type nearby struct{ files []string }

// take returns an opener of d that reads from a file: the one where it lies, or
// a copy in dir.
func (n *nearby) take(ctx context.Context, dir string, d v1.Descriptor, open blob.Opener) (blob.Opener, error) {
	rc, err := open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	if f, _ := blob.FileOf(rc); f != nil {
		return open, rc.Close()
	}
	v := blob.Verify(rc, d)
	f, err := os.CreateTemp(dir, "blob-*")
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	n.files = append(n.files, f.Name())
	_, err = blob.Copy(ctx, f, v)
	return blob.File(f.Name()), errors.Join(err, v.Close(), f.Close())
}

// Close removes the copies.
func (n *nearby) Close() error {
	var errs []error
	for _, name := range n.files {
		errs = append(errs, os.Remove(name))
	}
	return errors.Join(errs...)
}

// A recipeFile is a file that is written, and named by what was written.
type recipeFile struct {
	*os.File
	hash hash.Hash
	n    int64
}

func newRecipeFile(dir string, i int) (*recipeFile, error) {
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("recipe-%d", i)))
	return &recipeFile{File: f, hash: sha256.New()}, err
}

func (r *recipeFile) Write(p []byte) (int, error) {
	n, err := r.File.Write(p)
	r.hash.Write(p[:n])
	r.n += int64(n)
	return n, err
}

func (r *recipeFile) descriptor(mt types.MediaType) v1.Descriptor {
	h := v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", r.hash.Sum(nil))}
	return v1.Descriptor{MediaType: mt, Digest: h, Size: r.n}
}

func (r *recipeFile) open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return blob.File(r.Name())(ctx, offset, length)
}
