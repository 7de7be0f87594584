package layers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Bench is a source that holds what was made here, documents in memory and layers
// in files, over the source of the image that it was made from. Content of other
// images may come from their own sources. It is safe for concurrent reading once
// everything is made.
type Bench struct {
	src    place.Source
	tmp    string // where dir is made; empty: the system's
	dir    string
	docs   map[v1.Hash][]byte
	files  map[v1.Hash]string
	routes map[v1.Hash]place.Source
	far    []v1.Descriptor // what has a route, in order
	r      *reader         // of the layers of src; nil until one is read
}

var (
	_ place.Source   = (*Bench)(nil)
	_ place.Ranger   = (*Bench)(nil)
	_ place.Referrer = (*Bench)(nil)
)

// NewBench returns a bench over src, which stays the caller's to close. Layers that
// are made lie in a folder of tempDir (empty: the system's) until Close.
func NewBench(src place.Source, tempDir string) *Bench {
	return &Bench{src: src, tmp: tempDir, docs: map[v1.Hash][]byte{}, files: map[v1.Hash]string{}, routes: map[v1.Hash]place.Source{}}
}

// Unwrap lets [place.As] look through, so that a registry mounts what it has.
func (b *Bench) Unwrap() place.Source { return b.src }

// Resolve asks the source below.
func (b *Bench) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	return b.src.Resolve(ctx, name)
}

// Open opens what was made, else what the source of d has.
func (b *Bench) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return b.OpenRange(ctx, d, 0, -1)
}

// OpenRange opens length bytes of d from offset on.
func (b *Bench) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if raw, ok := b.docs[d.Digest]; ok {
		return blob.Bytes(raw)(ctx, offset, length)
	}
	if name, ok := b.files[d.Digest]; ok {
		return blob.File(name)(ctx, offset, length)
	}
	if name, ok := b.r.path(d.Digest); ok { // it was fetched to be looked at
		return blob.File(name)(ctx, offset, length)
	}
	if src, ok := b.routes[d.Digest]; ok {
		return place.OpenRange(ctx, src, d, offset, length)
	}
	return place.OpenRange(ctx, b.src, d, offset, length)
}

// Referrers returns what belongs to d at the source it comes from: nothing belongs to
// what was made here.
func (b *Bench) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	if _, made := b.docs[d.Digest]; made {
		return nil, nil
	}
	src, ok := b.routes[d.Digest]
	if !ok {
		src = b.src
	}
	if r, ok := place.As[place.Referrer](src); ok {
		return r.Referrers(ctx, d)
	}
	return nil, nil
}

// Close removes what was made.
func (b *Bench) Close() error {
	var err error
	if b.r != nil {
		err = b.r.close()
	}
	if b.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// reader reads the layers of the source, each of a far one once.
func (b *Bench) reader(o Options) *reader {
	if b.r == nil {
		b.r = newReader(b.src, o)
	}
	return b.r
}

// route says that d comes from src.
func (b *Bench) route(src place.Source, d v1.Descriptor) {
	if _, ok := b.routes[d.Digest]; !ok && src != b.src {
		b.routes[d.Digest] = src
		b.far = append(b.far, d)
	}
}

// Mount has dst take over what comes from other sources than the one below, where
// dst can: [transfer.Copy] would only ask about that one.
func (b *Bench) Mount(ctx context.Context, dst place.Sink) error {
	m, ok := place.As[place.Mounter](dst)
	if !ok {
		return nil
	}
	for _, d := range b.far {
		if manifest.Is(d.MediaType) {
			continue
		}
		if has, err := dst.Has(ctx, d); err != nil {
			return err
		} else if has {
			continue
		}
		if _, err := m.Mount(ctx, d, b.routes[d.Digest]); err != nil {
			return err
		}
	}
	return nil
}

// doc keeps raw, a manifest or config of type mt.
func (b *Bench) doc(mt types.MediaType, raw []byte) v1.Descriptor {
	d := manifest.Describe(mt, raw)
	b.docs[d.Digest] = raw
	return d
}

// put keeps the manifest or index v.
func (b *Bench) put(v any) (v1.Descriptor, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	doc, err := manifest.New(raw)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return b.doc(doc.Descriptor.MediaType, raw), nil
}

// A madeLayer is a layer with the digest of what it unpacks to.
type madeLayer struct {
	v1.Descriptor
	DiffID v1.Hash
}

// layer keeps the tar that write writes, compressed, as a layer of an image whose
// manifest is of type mt.
func (b *Bench) layer(mt types.MediaType, k compress.Kind, write func(io.Writer) error) (l *madeLayer, err error) {
	f, err := b.tempFile()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	packed, plain := newMeter(f), newMeter(io.Discard)
	z, err := compress.NewWriter(packed, k)
	if err != nil {
		return nil, err
	}
	plain.w = z
	if err := write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	l = &madeLayer{v1.Descriptor{MediaType: layerType(mt, k), Size: packed.n, Digest: packed.sum()}, plain.sum()}
	b.files[l.Digest] = f.Name()
	return l, nil
}

func (b *Bench) tempFile() (*os.File, error) {
	if b.dir == "" {
		dir, err := os.MkdirTemp(b.tmp, "dray-made-")
		if err != nil {
			return nil, err
		}
		b.dir = dir
	}
	return os.CreateTemp(b.dir, "layer-")
}

// A meter counts and hashes what passes.
type meter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newMeter(w io.Writer) *meter { return &meter{w: w, h: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.n += int64(n)
	m.h.Write(p[:n]) // never fails
	return n, err
}

func (m *meter) sum() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(m.h.Sum(nil))}
}

// layerType is the media type of a layer in a manifest of type mt. Docker's has none
// for zstd: see [packing].
func layerType(mt types.MediaType, k compress.Kind) types.MediaType {
	docker := mt == types.DockerManifestSchema2
	switch {
	case docker && k == compress.None:
		return types.DockerUncompressedLayer
	case docker:
		return types.DockerLayer
	case k == compress.None:
		return types.OCIUncompressedLayer
	case k == compress.Zstd:
		return types.OCILayerZStd
	}
	return types.OCILayer
}

// packing is how a layer is compressed in a manifest of type mt when k is wanted.
func packing(mt types.MediaType, k compress.Kind) compress.Kind {
	if mt == types.DockerManifestSchema2 && k == compress.Zstd {
		return compress.Gzip
	}
	return k
}

// ParseCompression reads the name of a compression: gzip, zstd or none.
func ParseCompression(s string) (compress.Kind, error) {
	switch s {
	case "gzip", "zstd":
		return compress.Kind(s), nil
	case "none":
		return compress.None, nil
	}
	return "", fmt.Errorf("%q is no compression: write gzip, zstd or none", s)
}
