package blob

import "os"

// writeBehindBytes is how far writing to the disk may lag: large enough that the
// disk works in long strides, small enough that little is left for a Sync.
const writeBehindBytes = 8 << 20

// A WriteBehind writes to File at its position, and has the system write it to
// the disk while more comes in, so that there is little left to wait for in a
// later Sync. It is not safe for concurrent use.
type WriteBehind struct {
	File   *os.File
	Offset int64 // of File's position; what lies before is not written here

	behind int64 // bytes before Offset that may be in memory only
}

// Write writes b.
func (w *WriteBehind) Write(b []byte) (int, error) {
	n, err := w.File.Write(b)
	w.Offset += int64(n)
	w.behind += int64(n)
	if w.behind >= writeBehindBytes {
		WriteBack(w.File, w.Offset-w.behind, w.behind)
		w.behind = 0
	}
	return n, err
}
