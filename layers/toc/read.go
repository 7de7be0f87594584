package toc

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
)

// How a layer says that it has a table of contents, and which.
const (
	annotationStargz   = "containerd.io/snapshot/stargz/toc.digest"
	annotationPosition = "io.github.containers.zstd-chunked.manifest-position" // OFFSET:BYTES:PLAINBYTES:TYPE
	annotationChecksum = "io.github.containers.zstd-chunked.manifest-checksum" // of the compressed table
)

// Bounds on a table of contents: some 300 bytes for each file.
const (
	maxBytes         = 128 << 20 // of JSON
	stargzFooter     = 51        // bytes, at the end of an eStargz layer
	stargzName       = "stargz.index.json"
	chunkedSkippable = 1 // the only type of zstd:chunked tables
)

// ErrNone is returned for a layer whose table of contents cannot be used. It has to
// be read whole.
var ErrNone = errors.New("there is no table of contents that can be used")

// Has reports whether layer d says that it has a table of contents.
func Has(d v1.Descriptor) bool {
	return d.Annotations[annotationStargz] != "" || d.Annotations[annotationPosition] != ""
}

// Read returns the table of contents of layer d, JSON, read by ranges of open and held
// against the digest in the annotations of d. Of the layer nothing else is read.
func Read(ctx context.Context, open blob.Opener, d v1.Descriptor) ([]byte, error) {
	r := reader{ctx, open, d}
	switch {
	case d.Annotations[annotationStargz] != "":
		return r.stargz()
	case d.Annotations[annotationPosition] != "":
		return r.chunked()
	}
	return nil, ErrNone
}

// A reader reads the table of one layer.
type reader struct {
	ctx  context.Context // of the one call that it serves
	open blob.Opener
	d    v1.Descriptor
}

// bytes returns n bytes of the layer at off.
func (r reader) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n <= 0 || n > maxBytes || off > r.d.Size-n {
		return nil, ErrNone
	}
	rc, err := r.open(r.ctx, off, n)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	got, err := blob.Copy(r.ctx, &buf, io.LimitReader(rc, n))
	if err = errors.Join(err, rc.Close()); err == nil && got != n {
		err = ErrNone
	}
	return buf.Bytes(), err
}

// stargz: the last bytes are an empty gzip stream, in whose extra field (subfield SG) the
// offset of the table stands; the table is a gzipped tar of one file.
func (r reader) stargz() ([]byte, error) {
	footer, err := r.bytes(r.d.Size-stargzFooter, stargzFooter)
	if err != nil {
		return nil, err
	}
	extra := footer[12:]
	if compress.Sniff(footer) != compress.Gzip || string(extra[:2]) != "SG" || binary.LittleEndian.Uint16(extra[2:]) != 22 || string(extra[20:26]) != "STARGZ" {
		return nil, ErrNone
	}
	offset, err := strconv.ParseInt(string(extra[4:20]), 16, 64)
	if err != nil {
		return nil, ErrNone
	}
	packed, err := r.bytes(offset, r.d.Size-stargzFooter-offset)
	if err != nil {
		return nil, err
	}
	plain, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	tr := tar.NewReader(bytes.NewReader(plain))
	if h, err := tr.Next(); err != nil || h.Name != stargzName || h.Size > int64(len(plain)) {
		return nil, ErrNone
	}
	raw, err := io.ReadAll(tr)
	if err != nil || "sha256:"+digestOf(raw) != r.d.Annotations[annotationStargz] {
		return nil, ErrNone
	}
	return raw, nil
}

// chunked: the annotation says where the table stands; it is a frame that readers of
// plain zstd skip.
func (r reader) chunked() ([]byte, error) {
	var numbers []int64
	for word := range strings.SplitSeq(r.d.Annotations[annotationPosition], ":") {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || len(numbers) == 4 {
			return nil, ErrNone
		}
		numbers = append(numbers, n)
	}
	if len(numbers) != 4 || numbers[3] != chunkedSkippable {
		return nil, ErrNone
	}
	packed, err := r.bytes(numbers[0], numbers[1])
	if err != nil {
		return nil, err
	}
	if "sha256:"+digestOf(packed) != r.d.Annotations[annotationChecksum] {
		return nil, ErrNone
	}
	return unpack(packed)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func unpack(packed []byte) ([]byte, error) {
	z, err := compress.NewReader(bytes.NewReader(packed), compress.Limits{MaxBytes: maxBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	defer z.Close() // only read
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return raw, nil
}
