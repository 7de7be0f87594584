package tario

import (
	"archive/tar"
	"bytes"
	"fmt"
)

// BlockBytes is the unit of a tar: content is filled up to it with zeros.
const BlockBytes = 512

// TrailerBytes is how many zeros end a tar.
const TrailerBytes = 2 * BlockBytes

// FileHeader returns what stands in a tar before the content of a regular file:
// one block, or where name or size do not fit into that (8 GiB and more), three
// or more in the POSIX extended format. Mode 0644, no owner, no time: equal
// arguments give equal bytes.
func FileHeader(name string, size int64) ([]byte, error) {
	return header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644})
}

// FolderHeader is [FileHeader] for a folder, with mode 0755.
func FolderHeader(name string) ([]byte, error) {
	return header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
}

func header(h *tar.Header) ([]byte, error) {
	var buf bytes.Buffer
	if err := tar.NewWriter(&buf).WriteHeader(h); err != nil {
		return nil, fmt.Errorf("writing tar: %.100q: %w", h.Name, err)
	}
	return buf.Bytes(), nil
}

// Padding returns how many zeros follow content of size bytes.
func Padding(size int64) int64 { return -size & (BlockBytes - 1) }
