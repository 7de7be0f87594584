package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/layers/merge"
	"github.com/dray-oci/dray/layers/settings"
	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
)

// CommitOptions say what becomes of a folder that was changed.
type CommitOptions struct {
	Options       // which image of the base it was unpacked from
	settings.Edit // other settings for it
	Author        string
	Message       string
	Time          time.Time // of the entry in the history
	SetCreated    bool      // Time is that of the image too
	Compress      compress.Kind
	// IgnoreOwners says that files in the folder do not belong to whom they will: the
	// base's owners stay, and what is new is root's. So do attributes that only root
	// may set, and devices.
	IgnoreOwners bool
}

// Commit makes a layer of what dir has against the image of root that it was unpacked
// from, and the image of both: files that are new, gone, or have other content, mode,
// owner, links or attributes. That only a time is another is no change. Every layer of
// the image is read once.
func (b *Bench) Commit(ctx context.Context, root v1.Descriptor, dir string, o CommitOptions) (res *Result, err error) {
	img, err := One(ctx, b.src, root, o.Options)
	if err != nil {
		return nil, err
	}
	if img.isWindows() {
		return nil, fmt.Errorf("a folder of Windows cannot be compared here: %w", place.ErrUnsupported)
	}
	folderRoot, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folderRoot.Close()) }()
	sum := summer()
	t, err := b.reader(o.Options).tree(ctx, img, sum)
	if err != nil {
		return nil, err
	}
	c := &committer{o: o, base: byName(t), sum: sum, found: map[string]folder.Entry{}, changed: map[string]bool{}}
	c.base["."] = t.Root().File
	if err := folder.Scan(ctx, folderRoot, c.visit); err != nil {
		return nil, err
	}
	d, err := newDraft(img)
	if err != nil {
		return nil, err
	}
	res = &Result{Origin: root}
	if items := c.items(); len(items) > 0 {
		ov := &overlay{items: items}
		made, err := b.layer(img.Manifest.Descriptor.MediaType, packing(img.Manifest.Descriptor.MediaType, o.Compress), ov.write)
		if err != nil {
			return nil, err
		}
		at := v1.Time{Time: o.Time.UTC()}
		d.push(made, v1.History{Created: at, CreatedBy: "dray commit", Author: o.Author, Comment: o.Message})
		d.why = append(d.why, fmt.Sprintf("%d names are others", len(items)))
		if o.SetCreated {
			d.config.File.Created = at
		}
	}
	o.Edit.Apply(d.config.File)
	if len(settings.Diff(d.config.Old(), d.config.File)) > 0 {
		d.why = append(d.why, "other settings")
	}
	if res.Root, err = b.finish(res, d); err != nil {
		return nil, err
	}
	res.Root.Platform, res.Root.Annotations = nil, nil
	return res, nil
}

// A committer compares a folder with an image.
type committer struct {
	o       CommitOptions
	base    map[string]*merge.File
	sum     func(io.Reader) (uint64, error)
	found   map[string]folder.Entry
	changed map[string]bool
}

func (c *committer) visit(e folder.Entry) error {
	if strings.HasPrefix(path.Base(e.Name), merge.Whiteout) {
		return fmt.Errorf("%.200q cannot be put into a layer, where such names mean that a file is gone", e.Name)
	}
	was, known := c.base[e.Name]
	was = orImplied(was)
	f := *e.File
	if c.o.IgnoreOwners {
		c.disown(&f, was, known)
	}
	e.File = &f
	if c.o.SetCreated && f.ModTime.After(c.o.Time) {
		f.ModTime = c.o.Time
	}
	c.found[e.Name] = e
	if e.Name == "." && c.base["."] == nil {
		return nil // no layer lists it: what it is here is this folder's own matter
	}
	if !known || !sameFile(was, &f) || f.Type == tar.TypeReg && f.Size != was.Size {
		c.changed[e.Name] = true
		return nil
	}
	if f.Type != tar.TypeReg {
		return nil
	}
	rc, err := e.Open()
	if err != nil {
		return err
	}
	sum, err := c.sum(rc)
	c.changed[e.Name] = sum != was.Sum
	return errors.Join(err, rc.Close())
}

// sameFile compares all but content and time. The mode of a link means nothing, and
// only attributes count among the records of a tar.
func sameFile(was, f *merge.File) bool {
	a, b := *was, *f
	if a.Type == tar.TypeSymlink && b.Type == tar.TypeSymlink {
		a.Mode, b.Mode = 0, 0
	}
	a.Records = attributes(a.Records)
	if a.Type != tar.TypeReg && a.Type != tar.TypeDir { // of these, none are read
		a.Records = nil
	}
	return a.SameMeta(&b)
}

func attributes(records map[string]string) map[string]string {
	kept := maps.Clone(records)
	maps.DeleteFunc(kept, func(k, _ string) bool { return !folder.IsXattr(k) })
	return kept
}

// disown gives f the owner, and the attributes that only root may set, of what the
// base has there.
func (c *committer) disown(f, was *merge.File, known bool) {
	f.UID, f.GID = 0, 0
	if !known {
		return
	}
	f.UID, f.GID = was.UID, was.GID
	for k, v := range was.Records {
		if folder.IsXattr(k) && !strings.HasPrefix(k, "SCHILY.xattr.user.") {
			f.Records = maps.Clone(f.Records)
			if f.Records == nil {
				f.Records = map[string]string{}
			}
			f.Records[k] = v
		}
	}
}

// items returns what the new layer has.
func (c *committer) items() map[string]item {
	items := map[string]item{}
	for _, group := range c.groups() {
		first := group[0]
		for i, name := range group {
			e := c.found[name]
			it := item{file: e.File, open: e.Open}
			if i > 0 {
				it = item{file: c.found[first].File, link: first}
			}
			items[name] = it
			c.parents(items, name)
		}
	}
	for name, was := range c.base {
		if _, ok := c.found[name]; ok || name == "." || c.o.IgnoreOwners && isDevice(was) {
			continue
		}
		dir := path.Dir(name)
		if parent, ok := c.found[dir]; !ok || !parent.File.IsDir() {
			continue // gone with its folder
		}
		items[path.Join(dir, merge.Whiteout+path.Base(name))] = item{mark: &merge.Mark{Name: name}}
		c.parents(items, name)
	}
	return items
}

// isDevice: without privileges none can be made, so that none is missed.
func isDevice(f *merge.File) bool {
	return f != nil && (f.Type == tar.TypeChar || f.Type == tar.TypeBlock)
}

// groups returns the names that changed, each with all other names of its file: a
// layer has no hard links to others.
func (c *committer) groups() [][]string {
	byID := map[folder.ID][]string{}
	var groups [][]string
	for name, e := range c.found {
		if e.ID != (folder.ID{}) {
			byID[e.ID] = append(byID[e.ID], name)
		} else if c.changed[name] {
			groups = append(groups, []string{name})
		}
	}
	for _, names := range byID {
		if slices.ContainsFunc(names, func(n string) bool { return c.changed[n] }) {
			slices.Sort(names)
			groups = append(groups, names)
		}
	}
	return groups
}

// parents adds the folders above name as they are.
func (c *committer) parents(items map[string]item, name string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := items[dir]; !ok {
			items[dir] = item{file: c.found[dir].File}
		}
	}
}
