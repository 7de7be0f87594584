package verify

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// judgeLibraries adds what programs need and no file of the image is called, and the
// interpreters that are not there. Of what the image starts, the start has told.
func (m *image) judgeLibraries(tree *rootfs.Tree, programs []program) {
	needs, started, unread := map[string][]program{}, map[string]bool{}, 0
	interps := map[string][]program{}
	for _, p := range programs {
		if p.Node.Exe.Format != exe.ELF || p.fit == foreign {
			continue
		}
		for _, name := range p.Node.Exe.Needed {
			name = name[strings.LastIndexByte(name, '/')+1:]
			needs[name] = append(needs[name], p)
			started[name] = started[name] || p.started
		}
		if p.Node.Exe.NeededUnread {
			unread++
		}
		if interp := p.Node.Exe.Interp; interp != "" && !p.started && p.Node.IsExecutable() {
			interps[interp] = append(interps[interp], p)
		}
	}
	names := map[string]bool{}
	for name := range needs {
		names[name] = true
	}
	for _, name := range tree.Absent(names) {
		m.libraryMissing(name, needs[name], started[name])
	}
	m.judgeInterpreters(tree, interps)
	if unread > 0 {
		m.add(notef(KindUnread, "of %d large files not all needed libraries are known", unread))
	}
}

func (m *image) libraryMissing(name string, needs []program, started bool) {
	f := warnf(KindLibrary, "%s is nowhere in the image; %s", name, needed(needs))
	switch {
	case isFromHost(name):
		f.Severity, f.Text = Note, f.Text+"; engines bring it from the host"
	case started:
		f.Severity = Error
	}
	m.addIn([]located{{f.in(needs[0].Path, "").pair("", name), needs[0].Layer}})
}

func (m *image) judgeInterpreters(tree *rootfs.Tree, interps map[string][]program) {
	for _, interp := range slices.Sorted(maps.Keys(interps)) {
		if _, err := tree.Lookup(interp); errors.Is(err, fs.ErrNotExist) || errors.Is(err, rootfs.ErrLoop) {
			ps := interps[interp]
			f := warnf(KindInterpreter, "%s is not in the image; %s", interp, needed(ps))
			m.addIn([]located{{f.in(ps[0].Path, "").pair("", interp), ps[0].Layer}})
		}
	}
}

// needed says who needs it.
func needed(ps []program) string {
	first := "/" + ps[0].Path
	switch len(ps) {
	case 1:
		return first + " needs it"
	case 2:
		return first + " and one more need it"
	}
	return first + " and others need it"
}

// isFromHost knows the libraries of GPU drivers, which no image holds: the runtime puts
// those of the host's driver in their place.
func isFromHost(name string) bool {
	for _, prefix := range []string{"libcuda.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so", "libcudadebugger.so"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
