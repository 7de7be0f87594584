package main

import (
	"archive/tar"
	"bytes"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

// A file is a member of a layer; a name that ends in a slash is a folder.
type file struct {
	name string
	mode int64
	data []byte
}

// A layer is its compressed bytes and what the config says of it.
type layer struct {
	packed    []byte
	diffID    v1.Hash
	createdBy string
}

// baseFiles are the same on every platform.
func baseFiles() []file {
	return []file{
		{"etc/", 0o755, nil},
		{"etc/motd", 0o644, []byte("Carried by dray.\n")},
		{"etc/os-release", 0o644, []byte("ID=hello\nNAME=\"dray hello\"\nVERSION_ID=" + tag + "\n")},
	}
}

// newLayer packs files in the order given. The gzip is not the standard
// library's, whose output changes with the toolchain, and every digest with it.
func newLayer(createdBy string, files []file) (layer, error) {
	plain, err := pack(files)
	if err != nil {
		return layer{}, err
	}
	diffID, _, err := v1.SHA256(bytes.NewReader(plain))
	if err != nil {
		return layer{}, err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return layer{}, err
	}
	if _, err := z.Write(plain); err != nil {
		return layer{}, err
	}
	if err := z.Close(); err != nil {
		return layer{}, err
	}
	return layer{packed.Bytes(), diffID, createdBy}, nil
}

// pack makes a tar in which every member has the same time and owner 0.
func pack(files []file) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     f.name,
			Mode:     f.mode,
			Size:     int64(len(f.data)),
			ModTime:  created,
			Format:   tar.FormatUSTAR,
		}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
