package delta

import (
	"bytes"
	"io"
)

// An oldPart is a part of an old version.
type oldPart struct {
	unit     int32
	from, to int64
}

// changed writes down the content of r, size bytes if nothing was cut, by its old
// version: as much of both as is allowed in memory at a time.
func (e *emitter) changed(r io.Reader, size int64, old int32) error {
	if _, ok := e.olds[old]; !ok {
		return e.carry(r)
	}
	f := &e.fine
	if f.new == nil {
		f.new = make([]byte, newWindow)
	}
	for at := int64(0); ; {
		f.new = f.new[:newWindow]
		n, err := io.ReadFull(r, f.new)
		if n == 0 && err == io.EOF {
			return nil
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		f.new = f.new[:n]
		if err := e.loadOld(old, at, size); err != nil {
			return err
		}
		if err := e.compare(); err != nil {
			return err
		}
		at += int64(n)
	}
}

// loadOld loads the part of the old version that stands where the new one has
// the bytes at offset, of size.
func (e *emitter) loadOld(old int32, at, size int64) error {
	k := &e.units[old]
	p := oldPart{unit: old, to: k.size}
	if k.size > oldWindow {
		middle := at + newWindow/2
		if size > k.size*2 || size < k.size/2 {
			middle = int64(float64(middle) / float64(max(size, 1)) * float64(k.size))
		}
		p.from = min(max(middle-oldWindow/2, 0), k.size-oldWindow)
		p.to = p.from + oldWindow
	}
	f := &e.fine
	if f.old != nil && e.fineOld == p {
		return nil
	}
	if f.old == nil {
		f.old = make([]byte, oldWindow)
	}
	f.old = f.old[:p.to-p.from]
	if err := readFull(e.heads, f.old, e.olds[old]+p.from); err != nil {
		return err
	}
	e.fineOld = p
	f.index()
	return nil
}

// compare writes down f.new by f.old.
func (e *emitter) compare() error {
	f := &e.fine
	base := e.units[e.fineOld.unit].content() + e.fineOld.from
	done := 0
	return f.match(func(n, old int) error {
		b := f.new[done : done+n]
		done += n
		if old < 0 {
			return e.new(b)
		}
		was := f.old[old : old+n]
		if bytes.Equal(b, was) {
			e.add(segment{kind: same, n: int64(n), at: base + int64(old)}, nil)
			return nil
		}
		e.add(segment{kind: changed, n: int64(n), at: base + int64(old)}, nil)
		return e.differences(b, was)
	})
}

// differences writes b minus was.
func (e *emitter) differences(b, was []byte) error {
	for len(b) > 0 {
		n := min(len(b), len(e.buf))
		for i := range e.buf[:n] {
			e.buf[i] = b[i] - was[i]
		}
		if _, err := e.changes.Write(e.buf[:n]); err != nil {
			return err
		}
		b, was = b[n:], was[n:]
	}
	return nil
}
