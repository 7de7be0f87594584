package merge

import (
	"archive/tar"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"
)

// A File is what one entry of a layer says, apart from its name: several names
// may stand for one File, and then are hard links. It is not changed after [Read].
type File struct {
	Type     byte   // TypeReg, TypeDir, TypeSymlink, TypeChar, TypeBlock or TypeFifo of archive/tar; TypeLink where the origin was not found
	Mode     int64  // as the tar has it; 07777 of it are permissions
	UID, GID int    // at least 0
	Owner    *Owner // names of them; nil if there are none
	Size     int64  // bytes of content, holes included
	ModTime  time.Time
	Link     string            // what a symlink leads to, as it is; what a hard link was to lead to
	Devmajor int64             // of devices
	Devminor int64             // of devices
	Records  map[string]string // PAX records beyond the fields above, such as SCHILY.xattr.*
	Sum      uint64            // what Options.Sum made of the content
	Layer    int               // which layer it stands in
	Index    int               // which entry of that layer it is
}

// An Owner is the names of a user and a group.
type Owner struct{ User, Group string }

// IsDir reports whether f is a folder; nil, a folder that no layer lists, is one.
func (f *File) IsDir() bool { return f == nil || f.Type == tar.TypeDir }

// Perm is the permission bits of f, with set-ID and sticky bits, as in a tar.
func (f *File) Perm() int64 {
	if f == nil {
		return 0o755
	}
	return f.Mode & 0o7777
}

// Header returns the header of a tar entry for f under name. Times are exact, but
// only the one of the last change is kept; what was sparse is so no more. Equal
// files give equal headers. A nil f is a folder of root's, readable by all.
func (f *File) Header(name string) *tar.Header {
	if f == nil {
		return &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: time.Unix(0, 0)}
	}
	h := &tar.Header{
		Typeflag: f.Type, Name: name, Linkname: f.Link, Mode: f.Mode, Uid: f.UID, Gid: f.GID,
		ModTime: f.ModTime, Devmajor: f.Devmajor, Devminor: f.Devminor, PAXRecords: f.Records,
	}
	if f.Owner != nil {
		h.Uname, h.Gname = f.Owner.User, f.Owner.Group
	}
	switch f.Type {
	case tar.TypeReg:
		h.Size = f.Size
	case tar.TypeDir:
		h.Name += "/"
	}
	if f.ModTime.Nanosecond() != 0 {
		h.Format = tar.FormatPAX
	}
	return h
}

// maxSparseBytes bounds a file with holes: a header of a few bytes can make one of
// any size. The largest honest ones are login records of users with high IDs.
const maxSparseBytes = 64 << 30

// newFile takes over a header, or says why it cannot.
func (b *builder) newFile(h *tar.Header) (*File, error) {
	f := &File{
		Type: h.Typeflag, Mode: h.Mode, UID: h.Uid, GID: h.Gid, Size: h.Size, ModTime: h.ModTime,
		Devmajor: h.Devmajor, Devminor: h.Devminor, Records: records(h), Layer: b.layer, Index: b.index,
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		f.Type = tar.TypeReg
		if isSparse(h) && h.Size > maxSparseBytes {
			return nil, fmt.Errorf("%.200q is sparse, of %d bytes, more than the %d allowed: %w", h.Name, h.Size, int64(maxSparseBytes), ErrInvalid)
		}
	case tar.TypeSymlink, tar.TypeLink:
		f.Link, f.Size = strings.Clone(h.Linkname), 0
	case tar.TypeDir, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		f.Size = 0
	default:
		return nil, fmt.Errorf("%.200q is of the unknown type %q: %w", h.Name, h.Typeflag, ErrInvalid)
	}
	if f.UID < 0 || f.GID < 0 || int64(f.UID) > math.MaxUint32 || int64(f.GID) > math.MaxUint32 {
		return nil, fmt.Errorf("%.200q belongs to user %d, group %d: %w", h.Name, h.Uid, h.Gid, ErrInvalid)
	}
	f.Owner = b.owner(h.Uname, h.Gname)
	return f, nil
}

// owner keeps equal names once.
func (b *builder) owner(user, group string) *Owner {
	if user == "" && group == "" {
		return nil
	}
	o := Owner{user, group}
	if known, ok := b.owners[o]; ok {
		return known
	}
	o = Owner{strings.Clone(user), strings.Clone(group)}
	b.owners[o] = &o
	return &o
}

func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// records returns what h has beyond its fields, which say the rest: nil for most.
func records(h *tar.Header) map[string]string {
	var kept map[string]string
	for k, v := range h.PAXRecords {
		switch k {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime", "comment", "charset", "hdrcharset":
			continue
		}
		if strings.HasPrefix(k, "GNU.sparse.") {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[strings.Clone(k)] = strings.Clone(v)
	}
	return kept
}

// SameMeta reports whether a and b agree in all but name, time and content.
// Where a layer puts a file, and how its owner is called, is no matter.
func (f *File) SameMeta(other *File) bool {
	if f == nil || other == nil {
		return f == other
	}
	return f.Type == other.Type && f.Perm() == other.Perm() && f.UID == other.UID && f.GID == other.GID &&
		f.Link == other.Link && f.Devmajor == other.Devmajor && f.Devminor == other.Devminor && maps.Equal(f.Records, other.Records)
}
