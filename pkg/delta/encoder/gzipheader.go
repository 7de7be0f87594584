package encoder

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Of a gzip header (RFC 1952, section 2.3).
const (
	gzipFixed = 10

	flagCRC     = 1 << 1
	flagExtra   = 1 << 2
	flagName    = 1 << 3
	flagComment = 1 << 4
	flagUnknown = 0xe0
)

var errHeader = errors.New("not a gzip header, or too long")

// gzipHeaderLen returns how long the gzip header is that b begins with.
func gzipHeaderLen(b []byte) (int, error) {
	b = b[:min(len(b), maxHeaderBytes)]
	if len(b) < gzipFixed || b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 || b[3]&flagUnknown != 0 {
		return 0, errHeader
	}
	flags, n := b[3], gzipFixed
	if flags&flagExtra != 0 {
		if len(b) < n+2 {
			return 0, errHeader
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, flag := range []byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if n > len(b) {
			return 0, errHeader
		}
		end := bytes.IndexByte(b[n:], 0)
		if end < 0 {
			return 0, errHeader
		}
		n += end + 1
	}
	if flags&flagCRC != 0 {
		n += 2
	}
	if n > len(b) {
		return 0, errHeader
	}
	return n, nil
}

// hints are what a gzip header tells of who wrote it.
type hints struct {
	time uint32
	xfl  byte // 2: best compression, 4: best speed
	os   byte // 255: Go; 3: zlib and gzip on Unix
}

func gzipHints(header []byte) hints {
	return hints{time: binary.LittleEndian.Uint32(header[4:]), xfl: header[8], os: header[9]}
}
