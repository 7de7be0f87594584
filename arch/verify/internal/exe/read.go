package exe

import (
	"bytes"
	"errors"
	"io"
)

// A Reader reads files one after the other. It keeps some memory from one to the
// next, at most 4 MiB. It is not safe for concurrent use; the zero value is ready.
type Reader struct {
	head  []byte
	chunk []byte
}

// Read returns what the file says whose size bytes r holds, or nil if it is not of a
// known format. It reads no more of r than it needs to know. Damaged and hostile
// files are no error: the File then says less. The error is one of r.
func (x *Reader) Read(r io.Reader, size int64) (*File, error) {
	if err := x.readHead(r, 0, min(size, sniffBytes)); err != nil {
		return nil, err
	}
	format := sniff(x.head)
	switch format {
	case "":
		return nil, nil
	case Script:
		return readScript(x.head), nil
	case Wasm:
		return readWasm(x.head), nil
	}
	if err := x.readHead(r, sniffBytes, min(size, headBytes)); err != nil {
		return nil, err
	}
	return x.read(r, format, &window{head: x.head, size: size})
}

func (x *Reader) read(r io.Reader, format Format, w *window) (*File, error) {
	if x.chunk == nil {
		x.chunk = make([]byte, chunkBytes)
	}
	var plan interface {
		file() *File
	}
	switch format {
	case ELF:
		plan = planELF(w)
	case PE:
		plan = planPE(w)
	default:
		plan = planMachO(w)
	}
	if err := w.fill(r, x.chunk); err != nil {
		return nil, err
	}
	f := plan.file()
	if f != nil {
		readGo(w, f)
	}
	return f, nil
}

// readHead fills the head from byte from up to byte to of the file.
func (x *Reader) readHead(r io.Reader, from, to int64) error {
	if from >= to {
		if from == 0 {
			x.head = x.head[:0]
		}
		return nil
	}
	if int64(cap(x.head)) < to {
		grown := make([]byte, to)
		copy(grown, x.head)
		x.head = grown
	}
	x.head = x.head[:to]
	_, err := io.ReadFull(r, x.head[from:to])
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sniff returns the format of a file that begins with head.
func sniff(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return ELF
	case bytes.HasPrefix(head, []byte("#!")):
		return Script
	case bytes.HasPrefix(head, []byte("\x00asm")):
		return Wasm
	case bytes.HasPrefix(head, []byte("MZ")):
		return PE
	case isMachO(head):
		return MachO
	}
	return ""
}
