package toc

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/compress"
)

// An Entry is one file of the layer, in the form that containerd/stargz-snapshotter,
// docs/estargz.md, gives it and zstd:chunked took over. Nothing of it is checked.
type Entry struct {
	Type      string            `json:"type"` // reg, dir, symlink, hardlink, char, block, fifo; chunk: a later part of a file
	Name      string            `json:"name"`
	LinkName  string            `json:"linkName"`
	Mode      int64             `json:"mode"`
	UID       int               `json:"uid"`
	GID       int               `json:"gid"`
	User      string            `json:"userName"`
	Group     string            `json:"groupName"`
	ModTime   string            `json:"modtime"` // RFC 3339
	DevMajor  int64             `json:"devMajor"`
	DevMinor  int64             `json:"devMinor"`
	Xattrs    map[string][]byte `json:"xattrs"`
	Size      int64             `json:"size"`
	Digest    string            `json:"digest"`      // of the content
	Offset    int64             `json:"offset"`      // in the layer, of a stream of its own that the content begins in
	Inner     int64             `json:"innerOffset"` // bytes of that stream before the content
	ChunkSize int64             `json:"chunkSize"`
}

// Entries calls visit for every entry of the table raw, in its order, and ends with
// the first error.
func Entries(raw io.Reader, visit func(Entry) error) error {
	if err := entries(json.NewDecoder(raw), visit); err != nil {
		if errors.Is(err, io.EOF) { // which nobody shall take for the end
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading table of contents: %w", err)
	}
	return nil
}

// entries goes through the one object there is; of its keys, entries is of interest.
func entries(dec *json.Decoder, visit func(Entry) error) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errors.New("it is no object"))
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key != "entries" {
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if err := list(dec, visit); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func list(dec *json.Decoder, visit func(Entry) error) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errors.New("its entries are no list"))
	}
	for dec.More() {
		var e Entry
		if err := dec.Decode(&e); err != nil {
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// types are those of tar entries.
var types = map[string]byte{
	"reg": tar.TypeReg, "dir": tar.TypeDir, "symlink": tar.TypeSymlink, "hardlink": tar.TypeLink,
	"char": tar.TypeChar, "block": tar.TypeBlock, "fifo": tar.TypeFifo,
}

// Header returns e as a tar has it; nil for what is no entry of a tar.
func (e Entry) Header() *tar.Header {
	t, ok := types[e.Type]
	if !ok {
		return nil
	}
	at, _ := time.Parse(time.RFC3339Nano, e.ModTime) // the zero time if there is none
	h := &tar.Header{
		Typeflag: t, Name: e.Name, Linkname: e.LinkName, Mode: e.Mode, Uid: e.UID, Gid: e.GID, Uname: e.User, Gname: e.Group,
		ModTime: at, Devmajor: e.DevMajor, Devminor: e.DevMinor, Size: e.Size,
	}
	for k, v := range e.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+k] = string(v)
	}
	return h
}

// A Content is where a file of the layer is to be had, and what it must be.
type Content struct {
	Offset, Inner, Size int64 // see [Entry]
	Digest              v1.Hash
}

// Content returns where the file e is to be had; ok is false if e does not say it all.
func (e Entry) Content() (c Content, ok bool) {
	if e.Type != "reg" || e.Offset < 0 || e.Inner < 0 || e.Size < 0 {
		return Content{}, false
	}
	digest, err := v1.NewHash(e.Digest)
	return Content{e.Offset, e.Inner, e.Size, digest}, err == nil || e.Size == 0
}

// Copy writes the file at c of layer d, which open opens, to w. After an error w may
// have something else than the file. The error wraps [blob.ErrMismatch] if the layer
// has other content there.
func Copy(ctx context.Context, w io.Writer, open blob.Opener, c Content) (err error) {
	file := v1.Descriptor{Digest: c.Digest, Size: c.Size}
	if c.Size == 0 {
		return nil
	}
	rc, err := open(ctx, c.Offset, -1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rc.Close()) }()
	z, err := compress.NewReader(rc, compress.Limits{})
	if err != nil {
		return err
	}
	defer z.Close() // only read
	if err := blob.Discard(z, c.Inner); err != nil {
		return err
	}
	_, err = blob.Copy(ctx, w, blob.Verify(io.NopCloser(io.LimitReader(z, c.Size)), file))
	return err
}
