package layout

import (
	"path/filepath"
	"sync"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Reader reads the index.json of one layout, and again only after it has changed: a
// list of hundreds of images of one layout would otherwise parse it hundreds of times.
// The zero value is ready. It is safe for concurrent use.
type Reader struct {
	mu    sync.Mutex
	stamp string // of what x was read from; empty: nothing was
	x     *Index
	flat  *manifest.Doc
}

// Read returns the index.json of d, which nobody may change, and the same as an image for
// several platforms, if that is what it is, else nil: see [Dir.Index] and [Index.Flat].
// The bytes of the latter are no blob of the layout.
func (r *Reader) Read(d Dir) (*Index, *manifest.Doc, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stamp, err := place.FileStamp(filepath.Join(d.Path, "index.json"))
	if err == nil && stamp != "" && stamp == r.stamp {
		return r.x, r.flat, nil
	}
	x, raw, err := d.read()
	if err != nil {
		return nil, nil, err
	}
	r.stamp, r.x, r.flat = stamp, x, x.Flat(raw) // what changes meanwhile has another stamp
	return r.x, r.flat, nil
}
