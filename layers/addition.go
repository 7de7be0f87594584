package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers/folder"
)

// An Addition is a file or folder that goes into an image.
type Addition struct {
	Source string // on this machine; a link is followed
	Dest   string // in the image; with a slash at the end, the folder that a file goes into
	Mode   *int64 // of files; folders may also be entered by those who may read. nil: as they are
	UID    int
	GID    int

	Platform *arch.Platform // the only one that gets it; nil: all
}

// ParseAddition reads SRC:DST[:MODE[:UID:GID]], the mode octal. What is added belongs to
// root unless that is given.
func ParseAddition(s string) (Addition, error) {
	wrong := fmt.Errorf("%.200q: write SRC:DST, SRC:DST:MODE or SRC:DST:MODE:UID:GID", s)
	drive := ""
	if len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/') && filepath.VolumeName(s[:2]) != "" {
		drive, s = s[:2], s[2:]
	}
	parts := strings.Split(s, ":")
	a := Addition{Source: drive + parts[0]}
	if len(parts) > 2 && len(parts[1]) == 1 && strings.HasPrefix(parts[2], `\`) { // C:\app
		parts = append([]string{parts[0], parts[1] + ":" + parts[2]}, parts[3:]...)
	}
	if len(parts) != 2 && len(parts) != 3 && len(parts) != 5 || parts[0] == "" || parts[1] == "" {
		return Addition{}, wrong
	}
	a.Dest = parts[1]
	if len(parts) > 2 && parts[2] != "" {
		mode, err := strconv.ParseUint(parts[2], 8, 12)
		if err != nil {
			return Addition{}, fmt.Errorf("%w: %q is no octal mode", wrong, parts[2])
		}
		m := int64(mode)
		a.Mode = &m
	}
	if len(parts) == 5 {
		uid, err1 := strconv.ParseUint(parts[3], 10, 31)
		gid, err2 := strconv.ParseUint(parts[4], 10, 31)
		if err1 != nil || err2 != nil {
			return Addition{}, fmt.Errorf("%w: owner and group are numbers", wrong)
		}
		a.UID, a.GID = int(uid), int(gid)
	}
	return a, nil
}

// into adds what a says to o. Names that ignore matches, relative to the source, are
// left out. With windows, names and files are made what Windows wants.
func (a Addition) into(ctx context.Context, o *overlay, ignore *patternmatcher.PatternMatcher, windows bool) error {
	fi, err := os.Stat(a.Source)
	if err != nil {
		return err
	}
	dest := a.Dest
	if windows {
		dest = windowsName(dest)
	}
	dir, base := a.Source, "."
	if !fi.IsDir() {
		real, err := filepath.EvalSymlinks(a.Source)
		if err != nil {
			return err
		}
		if strings.HasSuffix(a.Dest, "/") || strings.HasSuffix(a.Dest, `\`) && windows {
			dest = path.Join(dest, filepath.Base(a.Source))
		}
		dir, base = filepath.Dir(real), filepath.Base(real)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	o.roots = append(o.roots, root) // content is read when the layer is written
	if !fi.IsDir() {
		e, err := folder.Look(root, base)
		if err != nil {
			return err
		}
		return a.entry(o, path.Join(".", dest), e, windows)
	}
	return folder.Scan(ctx, root, func(e folder.Entry) error {
		if skip, err := ignored(ignore, e); skip || err != nil {
			return err
		}
		return a.entry(o, path.Join(".", dest, e.Name), e, windows)
	})
}

// ignored applies .dockerignore patterns. A folder is skipped as a whole only if no
// pattern takes something in it back.
func ignored(m *patternmatcher.PatternMatcher, e folder.Entry) (bool, error) {
	if m == nil || e.Name == "." {
		return false, nil
	}
	skip, err := m.MatchesOrParentMatches(e.Name)
	if err != nil || !skip {
		return false, err
	}
	if e.File.IsDir() && !m.Exclusions() {
		return true, fs.SkipDir
	}
	return true, nil
}

func (a Addition) entry(o *overlay, name string, e folder.Entry, windows bool) error {
	switch e.File.Type {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink:
	default:
		return fmt.Errorf("adding %s: it is %s", filepath.Join(a.Source, filepath.FromSlash(e.Name)), kindOf(e.File))
	}
	f := *e.File
	f.UID, f.GID, f.ModTime, f.Owner = a.UID, a.GID, o.at, nil
	f.Records = maps.Clone(f.Records)
	maps.DeleteFunc(f.Records, func(k, _ string) bool { return k != "SCHILY.xattr.security.capability" })
	switch {
	case f.Type == tar.TypeSymlink:
		f.Mode = 0o777
	case a.Mode != nil && f.Type == tar.TypeDir:
		f.Mode = *a.Mode | *a.Mode&0o444>>2
	case a.Mode != nil:
		f.Mode = *a.Mode
	}
	file := &f
	if windows {
		file = windowsFile(file)
	}
	err := o.add(name, item{file: file, open: e.Open})
	if err != nil {
		return fmt.Errorf("adding %s: %w", a.Source, err)
	}
	return nil
}

// close closes the folders that content was read from.
func (o *overlay) close() error {
	var errs []error
	for _, r := range o.roots {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
