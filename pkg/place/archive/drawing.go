package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/layout"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/tario"
)

// A drawing is where everything stands in an archive, before any of it is there.
// It depends on the plan alone, not on its order.
type drawing struct {
	form  Form
	parts []part
	size  int64 // of the archive
	slots map[v1.Hash]*slot
	have  map[v1.Hash]int64    // sizes of the documents that need no Put
	names map[v1.Hash][]string // of the roots, as planned
	left  map[v1.Hash]struct{} // roots that are not committed yet
}

// A part is one member: its header, and its content or the slot for it.
type part struct {
	head    []byte
	content []byte
	slot    *slot
	offset  int64 // of head
}

// bytes returns what is known of the part: all but the content of a slot.
func (p part) bytes() []byte {
	if p.slot != nil {
		return p.head
	}
	b := append(slices.Clip(p.head), p.content...)
	return append(b, make([]byte, tario.Padding(int64(len(p.content))))...)
}

// A slot is the place of one blob's content.
type slot struct {
	want   v1.Descriptor
	offset int64 // of the content
}

// draw lays out the archive for p. It verifies the documents.
func (o Options) draw(p place.Plan) (*drawing, error) {
	d := &drawing{
		form: o.As, slots: map[v1.Hash]*slot{}, have: map[v1.Hash]int64{},
		names: map[v1.Hash][]string{}, left: map[v1.Hash]struct{}{},
	}
	if len(p.Roots) == 0 {
		return nil, errors.New("there is no image to write")
	}
	x := layout.NewIndex()
	for _, r := range p.Roots {
		x.Add(r.Descriptor, r.Names...)
		d.names[r.Descriptor.Digest] = append(d.names[r.Descriptor.Digest], r.Names...)
		d.left[r.Descriptor.Digest] = struct{}{}
	}
	blobs, err := d.sort(p)
	if err != nil {
		return nil, err
	}
	t := newTree(p, blobs)
	w := warner{o.Events, t}
	switch o.As {
	case Docker:
		err = d.drawDocker(p, t, w)
	case OCI:
		err = d.drawLayout(x, t, nil)
	default:
		err = d.drawLayout(x, t, dockerImages(x, t, w))
	}
	if err != nil {
		return nil, err
	}
	w.layers(o.As)
	d.size += tario.TrailerBytes
	return d, nil
}

// sort returns the blobs of p in the order of the archive, documents verified.
func (d *drawing) sort(p place.Plan) ([]v1.Descriptor, error) {
	blobs := slices.Clone(p.Blobs)
	rank := func(b v1.Descriptor) int {
		_, isDoc := p.Docs[b.Digest]
		switch {
		case b.MediaType.IsIndex():
			return 0
		case b.MediaType.IsImage():
			return 1
		case isDoc:
			return 2
		}
		return 3
	}
	slices.SortFunc(blobs, func(a, b v1.Descriptor) int {
		if c := rank(a) - rank(b); c != 0 {
			return c
		}
		return strings.Compare(a.Digest.String(), b.Digest.String())
	})
	blobs = slices.CompactFunc(blobs, func(a, b v1.Descriptor) bool { return a.Digest == b.Digest })
	for _, b := range blobs {
		if err := manifest.CheckDescriptor(b); err != nil {
			return nil, fmt.Errorf("%w: %w", place.ErrInvalid, err)
		}
		raw, ok := p.Docs[b.Digest]
		if !ok {
			continue
		}
		if err := verify(b, raw); err != nil {
			return nil, err
		}
		d.have[b.Digest] = b.Size
	}
	return blobs, nil
}

func verify(want v1.Descriptor, raw []byte) error {
	v, err := blob.NewVerifier(want)
	if err != nil {
		return err
	}
	if _, err := v.Write(raw); err != nil {
		return err
	}
	return v.Check()
}

// drawLayout draws an OCI layout, with a manifest.json if there are images for it.
func (d *drawing) drawLayout(x *layout.Index, t *tree, images []dockerImage) error {
	index, err := x.Marshal()
	if err != nil {
		return err
	}
	err = errors.Join(d.addFile("oci-layout", []byte(layout.File)), d.addFile("index.json", index))
	if len(images) > 0 {
		err = errors.Join(err, d.addManifestJSON(images, blobPath))
	}
	err = errors.Join(err, d.addFolder("blobs"))
	algorithms := map[string]bool{}
	for _, b := range t.blobs {
		if a := b.Digest.Algorithm; !algorithms[a] {
			algorithms[a] = true
			err = errors.Join(err, d.addFolder("blobs/"+a))
		}
		err = errors.Join(err, d.addBlob(blobPath(b), b, t.docs[b.Digest]))
	}
	return err
}

func (d *drawing) addFolder(name string) error {
	head, err := tario.FolderHeader(name)
	d.add(part{head: head}, 0)
	return err
}

func (d *drawing) addFile(name string, content []byte) error {
	head, err := tario.FileHeader(name, int64(len(content)))
	d.add(part{head: head, content: content}, int64(len(content)))
	return err
}

// addBlob adds a member for b: with its content if that is known, else with a slot.
func (d *drawing) addBlob(name string, b v1.Descriptor, content []byte) error {
	if content != nil {
		return d.addFile(name, content)
	}
	head, err := tario.FileHeader(name, b.Size)
	s := &slot{want: b, offset: d.size + int64(len(head))}
	d.slots[b.Digest] = s
	d.add(part{head: head, slot: s}, b.Size)
	return err
}

func (d *drawing) add(p part, size int64) {
	p.offset = d.size
	d.parts = append(d.parts, p)
	d.size += int64(len(p.head)) + size + tario.Padding(size)
}

// todo returns what has to be put, in the order of the archive.
func (d *drawing) todo() []v1.Descriptor {
	var todo []v1.Descriptor
	for _, p := range d.parts {
		if p.slot != nil {
			todo = append(todo, p.slot.want)
		}
	}
	return todo
}

// digest names the drawing: archives of equal digest are equal byte for byte.
func (d *drawing) digest() string {
	h := sha256.New()
	for _, p := range d.parts {
		_, _ = h.Write(p.bytes()) // never fails: hash.Hash
	}
	return hex.EncodeToString(h.Sum(nil))
}

// slot returns the slot for b; nil if the drawing needs no Put of it.
func (d *drawing) slot(b v1.Descriptor) (*slot, error) {
	if d == nil {
		return nil, errNoPlan
	}
	size, ok := d.have[b.Digest]
	s := d.slots[b.Digest]
	switch {
	case s != nil:
		size = s.want.Size
	case !ok:
		return nil, fmt.Errorf("%s is not in the plan: %w", b.Digest, place.ErrUnsupported)
	}
	if size != b.Size {
		return nil, fmt.Errorf("%s: planned with %d bytes, not %d: %w", b.Digest, size, b.Size, blob.ErrMismatch)
	}
	return s, nil
}

var errNoPlan = fmt.Errorf("an archive has to be planned first: %w", place.ErrUnsupported)

// commit crosses root off, and reports whether it was the last one.
func (d *drawing) commit(root v1.Descriptor, names []string) (last bool, err error) {
	if d == nil {
		return false, errNoPlan
	}
	planned, ok := d.names[root.Digest]
	if !ok {
		return false, fmt.Errorf("%s is not in the plan: %w", root.Digest, place.ErrUnsupported)
	}
	for _, n := range names {
		if !slices.Contains(planned, n) {
			return false, fmt.Errorf("the name %.300q is not in the plan: %w", n, place.ErrUnsupported)
		}
	}
	delete(d.left, root.Digest)
	return len(d.left) == 0, nil
}
