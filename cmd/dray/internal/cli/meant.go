package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// maxLookedAt bounds how many files of a folder are considered for a hint.
const maxLookedAt = 2000

// meantFile advises on err if it may be due to a file name that was taken for the
// name of an image. It is empty if nothing speaks for that.
func (a *app) meantFile(err error) string {
	switch exitCode(err) {
	case exitNotFound, exitDenied, exitUnavailable:
	case exitUsage:
		if ui.Hint(err) != "" && !as[*ref.SyntaxError](err) {
			return ""
		}
	default:
		return ""
	}
	for _, b := range a.bare {
		if hint := bareName(b.name); hint != "" && isAbout(err, b.name) {
			return hint
		}
	}
	return ""
}

// lookAround advises on err, if it says that the only bare name is that of no image,
// how to see which there are.
func (a *app) lookAround(err error) string {
	if len(a.bare) != 1 || !errors.Is(err, place.ErrNotFound) || !isAbout(err, a.bare[0].name) {
		return ""
	}
	n, perr := ref.ParseName(a.bare[0].name)
	switch {
	case perr != nil || as[*arch.MissingError](err):
		return ""
	case a.bare[0].kind == ref.Store:
		return "dray images lists what the store has"
	}
	return fmt.Sprintf("dray tags %s lists the tags that there are", n.Base().Familiar())
}

// isAbout reports whether err may be about the image that a user called name: the
// repository is in its text.
func isAbout(err error, name string) bool {
	n, perr := ref.ParseName(name)
	return perr != nil || strings.Contains(err.Error(), n.Repository)
}

// missingFile advises on err if it is about a file that is not there, other than the
// store's own, and none in an image.
func (a *app) missingFile(err error) string {
	var at *fs.PathError
	if !errors.As(err, &at) || !errors.Is(at, fs.ErrNotExist) || !as[syscall.Errno](at) || a.inHome(err) {
		return ""
	}
	dir := filepath.Dir(at.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Sprintf("there is no folder %s", ui.Quote(dir))
	}
	if near := nearestFile(filepath.Base(at.Path), entries[:min(len(entries), maxLookedAt)]); near != "" {
		return fmt.Sprintf("did you mean %s?", ui.Quote(beside(at.Path, near)))
	}
	return ""
}

// bareName advises on a name that says no place, and therefore was taken for an image.
func bareName(name string) string {
	quoted := ui.Quote(name)
	hint := bareFile(name)
	switch {
	case name == string(ref.Store) || name == string(ref.DockerDaemon) || name == string(ref.ContainersStorage):
		hint = fmt.Sprintf("the place is %s:", name)
	case looksLikeHost(name) || name == "localhost":
		hint = fmt.Sprintf("at a registry it is %[1]s/NAME; where patterns are taken, '%[1]s/*' is all that it has", quoted)
	case hint == "" && strings.ContainsRune(name, '.') && !strings.ContainsAny(name, "/:@"):
		hint = fmt.Sprintf("at a registry it is %[1]s/NAME, a file ./%[1]s", quoted)
	}
	if hint == "" {
		return ""
	}
	return quoted + " is taken for the name of an image; " + hint
}

// bareFile says which file or layout name may mean.
func bareFile(name string) string {
	dir, base := filepath.Dir(name), filepath.Base(name)
	if fi, err := os.Stat(name); err == nil && fi.IsDir() {
		if isPlace(dir, fs.FileInfoToDirEntry(fi)) {
			return fmt.Sprintf("the layout is ./%s", ui.Quote(name))
		}
		return ""
	} else if err == nil {
		return fmt.Sprintf("the file is ./%[1]s, and as a list of images -f %[1]s", ui.Quote(name))
	}
	if entries, err := os.ReadDir(dir); err == nil {
		places := slices.DeleteFunc(entries[:min(len(entries), maxLookedAt)], func(e fs.DirEntry) bool { return !isPlace(dir, e) })
		if near := nearestFile(base, places); near != "" {
			return fmt.Sprintf("did you mean ./%s?", ui.Quote(beside(name, near)))
		}
	}
	if packedAs(name) != "" {
		return fmt.Sprintf("a file is ./%s", ui.Quote(name))
	}
	return ""
}

// isPlace reports whether e in dir is an archive by its name, or a layout by what is
// in it.
func isPlace(dir string, e fs.DirEntry) bool {
	if e.IsDir() {
		_, err := os.Stat(filepath.Join(dir, e.Name(), "oci-layout"))
		return err == nil
	}
	return packedAs(e.Name()) != ""
}

// nearestFile returns the name of the entry that base was meant to be: nearly the
// same, or the same but for the ending of an archive.
func nearestFile(base string, entries []fs.DirEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	if near := nearest(base, all); near != "" {
		return near
	}
	typed := packedAs(base)
	stem := strings.TrimSuffix(base, typed)
	for _, name := range all {
		if ending := packedAs(name); typed != "" && ending != "" && stem == strings.TrimSuffix(name, ending) {
			return name
		}
	}
	return ""
}

// packedAs returns the ending of s that says it is a file of packed images, or one
// that people expect to say so.
func packedAs(s string) string {
	for _, ending := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".oci", ".parts.json", ".tar.001"} {
		if strings.HasSuffix(s, ending) && len(s) > len(ending) {
			return ending
		}
	}
	return ""
}

// beside returns path with its last part replaced by name, as it was typed otherwise.
func beside(path, name string) string { return path[:len(path)-len(filepath.Base(path))] + name }
