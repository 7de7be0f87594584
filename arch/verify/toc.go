package verify

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

	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// How a layer says that it has a table of contents, and which.
const (
	annotationStargz   = "containerd.io/snapshot/stargz/toc.digest"
	annotationPosition = "io.github.containers.zstd-chunked.manifest-position" // OFFSET:BYTES:PLAINBYTES:TYPE
	annotationChecksum = "io.github.containers.zstd-chunked.manifest-checksum" // of the compressed table
)

// Bounds on a table of contents: some 300 bytes for each file.
const (
	maxTOCBytes      = 128 << 20 // of JSON
	stargzFooter     = 51        // bytes, at the end of an eStargz layer
	stargzName       = "stargz.index.json"
	chunkedSkippable = 1 // the only type of zstd:chunked tables
)

// errNoTOC is returned for a layer whose table of contents cannot be used; it is then
// read whole.
var errNoTOC = errors.New("there is no table of contents that can be used")

// readTOC makes the table of l from its table of contents, read by range requests.
func (lr *layerReader) readTOC(ctx context.Context, l *layer) error {
	ranger, ok := place.As[place.Ranger](lr.src)
	if !ok {
		return errNoTOC
	}
	toc := tocReader{ctx: ctx, src: ranger, d: l.d}
	switch a := l.d.Annotations; {
	case a[annotationStargz] != "":
		return lr.fromTOC(l, toc.stargz)
	case a[annotationPosition] != "":
		return lr.fromTOC(l, toc.chunked)
	}
	return errNoTOC
}

func (lr *layerReader) fromTOC(l *layer, read func() ([]byte, error)) error {
	raw, err := read()
	if err != nil {
		return err
	}
	table, err := rootfs.ReadTOC(bytes.NewReader(raw), &lr.budget)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoTOC, err)
	}
	l.table, l.listed = table, true
	return nil
}

// A tocReader reads the table of contents of one layer.
type tocReader struct {
	ctx context.Context // of the one call that it serves
	src place.Ranger
	d   v1.Descriptor
}

// bytes returns n bytes of the layer at off.
func (t tocReader) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n <= 0 || n > maxTOCBytes || off > t.d.Size-n {
		return nil, errNoTOC
	}
	rc, err := t.src.OpenRange(t.ctx, t.d, off, n)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	got, err := blob.Copy(t.ctx, &buf, io.LimitReader(rc, n))
	if err = errors.Join(err, rc.Close()); err == nil && got != n {
		err = errNoTOC
	}
	return buf.Bytes(), err
}

// stargz: the last bytes are an empty gzip stream, in whose extra field (subfield SG) the
// offset of the table stands; the table is a gzipped tar of one file.
func (t tocReader) stargz() ([]byte, error) {
	footer, err := t.bytes(t.d.Size-stargzFooter, stargzFooter)
	if err != nil {
		return nil, err
	}
	extra := footer[12:]
	if compress.Sniff(footer) != compress.Gzip || string(extra[:2]) != "SG" || binary.LittleEndian.Uint16(extra[2:]) != 22 || string(extra[20:26]) != "STARGZ" {
		return nil, errNoTOC
	}
	offset, err := strconv.ParseInt(string(extra[4:20]), 16, 64)
	if err != nil {
		return nil, errNoTOC
	}
	packed, err := t.bytes(offset, t.d.Size-stargzFooter-offset)
	if err != nil {
		return nil, err
	}
	plain, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	tr := tar.NewReader(bytes.NewReader(plain))
	if h, err := tr.Next(); err != nil || h.Name != stargzName || h.Size > int64(len(plain)) {
		return nil, errNoTOC
	}
	raw, err := io.ReadAll(tr)
	if err != nil || "sha256:"+digestOf(raw) != t.d.Annotations[annotationStargz] {
		return nil, errNoTOC
	}
	return raw, nil
}

// chunked: the annotation says where the table stands; it is a frame that readers of
// plain zstd skip.
func (t tocReader) chunked() ([]byte, error) {
	var numbers []int64
	for word := range strings.SplitSeq(t.d.Annotations[annotationPosition], ":") {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || len(numbers) == 4 {
			return nil, errNoTOC
		}
		numbers = append(numbers, n)
	}
	if len(numbers) != 4 || numbers[3] != chunkedSkippable {
		return nil, errNoTOC
	}
	packed, err := t.bytes(numbers[0], numbers[1])
	if err != nil {
		return nil, err
	}
	if "sha256:"+digestOf(packed) != t.d.Annotations[annotationChecksum] {
		return nil, errNoTOC
	}
	return unpack(packed)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func unpack(packed []byte) ([]byte, error) {
	z, err := compress.NewReader(bytes.NewReader(packed), compress.Limits{MaxBytes: maxTOCBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTOC, err)
	}
	defer z.Close() // only read
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTOC, err)
	}
	return raw, nil
}
