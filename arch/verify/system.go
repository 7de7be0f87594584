package verify

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// defaultPath is what engines set where an image sets no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A system is how programs are found and started on the platform of an image.
type system struct {
	root      string   // where it is in the layers
	dir       string   // working folder
	path      []string // folders to search
	suffixes  []string // that may be left out
	needsMode bool     // a file must be executable
	isKnown   bool     // the image says itself where programs are searched
}

func newSystem(c v1.Config, claim arch.Platform) system {
	env := env(c.Env)
	if claim.Normalize().OS == "windows" {
		return newWindows(c, env)
	}
	search, ok := env["PATH"]
	if !ok || search == "" {
		search = defaultPath
	}
	return system{
		dir: "/" + c.WorkingDir, path: strings.Split(search, ":"), suffixes: []string{""},
		needsMode: claim.Normalize().Architecture != "wasm", isKnown: true,
	}
}

// newWindows: the layers of Windows have their files below Files, and PATH mostly stands
// in the registry of the base image, so that what is not found may still be there.
func newWindows(c v1.Config, env map[string]string) system {
	search := `C:\Windows\System32;C:\Windows`
	for k, v := range env {
		if strings.EqualFold(k, "PATH") {
			search = v
		}
	}
	s := system{root: "Files", path: strings.Split(search, ";"), suffixes: []string{"", ".com", ".exe", ".bat", ".cmd"}}
	for i, p := range s.path {
		s.path[i] = slashes(p)
	}
	s.dir = slashes(c.WorkingDir)
	return s
}

// slashes turns C:\a\b into /a/b.
func slashes(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	if len(p) >= 2 && p[1] == ':' {
		p = p[2:]
	}
	return path.Join("/", p)
}

// absolute returns where in the layers a path leads that is used in the working folder.
func (s system) absolute(p string) string {
	if s.root != "" && (strings.Contains(p, `\`) || len(p) >= 2 && p[1] == ':') {
		p = slashes(p)
	}
	if !strings.HasPrefix(p, "/") {
		p = s.dir + "/" + p
	}
	return s.root + p
}

// find looks for the program name as execvp does: a name with a slash is a path, any
// other is searched. What cannot be executed is passed over while searching.
func (s *start) find(name string) (rootfs.Found, error) {
	if strings.ContainsAny(name, "/") || s.system.root != "" && strings.Contains(name, `\`) {
		return s.candidate(s.system.absolute(name))
	}
	for _, dir := range s.system.path {
		f, err := s.candidate(s.system.absolute(path.Join(dir, name)))
		if errors.Is(err, rootfs.ErrUnread) {
			return f, err // it may be there, and would come first
		}
		if err == nil && f.Node.Kind == rootfs.File && (!s.system.needsMode || f.Node.IsExecutable()) {
			return f, nil
		}
	}
	if !s.system.needsMode { // Windows and WebAssembly look in the working folder too
		return s.candidate(s.system.absolute(name))
	}
	return rootfs.Found{}, fs.ErrNotExist
}

func (s *start) candidate(p string) (f rootfs.Found, err error) {
	for _, suffix := range s.system.suffixes {
		if f, err = s.tree.Lookup(p + suffix); err == nil || errors.Is(err, rootfs.ErrUnread) {
			return f, err
		}
	}
	return f, err
}
