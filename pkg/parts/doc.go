// Package parts is a file cut into parts that are carried one by one, and read
// where they lie, without being joined:
//
//	x.tar.001 x.tar.002 …  its bytes, one part after the other
//	x.parts.json           sizes, and the SHA-256 of each part and of the whole
//	x.tar.p01 …            parity, if there is any: as many lost parts as there are
//	                       of these can be rebuilt
//
// The parts hold nothing but the bytes of the file, so that cat joins them too.
package parts

import (
	"fmt"
	"path/filepath"
	"strings"
)

// MaxShards is how many parts, parity included, one set has at most: the number
// of shards that Reed–Solomon over GF(2^8) can tell apart.
const MaxShards = 256

// Suffix is how the document of a set ends.
const Suffix = ".parts.json"

// Index returns the path of the document of a set, by the path of the file that
// it makes up: x.tar has x.parts.json.
func Index(file string) string { return strings.TrimSuffix(file, ".tar") + Suffix }

// Name returns the path of part i of file, counted from 0: x.tar.001.
func Name(file string, i int) string { return fmt.Sprintf("%s.%03d", file, i+1) }

// ParityName returns the path of parity i of file, counted from 0: x.tar.p01.
func ParityName(file string, i int) string { return fmt.Sprintf("%s.p%02d", file, i+1) }

// Find returns the path of the document of the set that path names: by the
// document itself, or by a part of it. False means that path ends like neither.
// It looks at nothing but the path.
func Find(path string) (index string, ok bool) {
	if strings.HasSuffix(path, Suffix) {
		return path, true
	}
	file, ok := fileOf(path)
	return Index(file), ok
}

// fileOf returns the path of the file that has a part at path.
func fileOf(path string) (file string, ok bool) {
	ext := strings.TrimPrefix(filepath.Ext(path), ".")
	file = strings.TrimSuffix(path, "."+ext)
	digits, parity := strings.CutPrefix(ext, "p")
	if len(digits) < 2 || !parity && len(digits) != 3 || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return file, file != ""
}
