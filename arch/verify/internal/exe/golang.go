package exe

import (
	"encoding/binary"
	"strings"
)

// What the Go linker puts at the start of its data: a mark, the size of a pointer, flags,
// and from Go 1.18 on (flag 2) two strings with their lengths before them: the
// version and the module data, which ends with the settings of the build.
// See debug/buildinfo, which reads the same from whole files.
const (
	goMark        = "\xff Go buildinf:"
	goAlign       = 16
	goHeaderBytes = 32
	goInline      = 2
)

func isGoMark(p []byte) bool {
	return len(p) >= goHeaderBytes && p[0] == goMark[0] && string(p[:len(goMark)]) == goMark && p[15]&goInline != 0
}

// readGo adds to f what its Go build settings say. They are the better witness:
// a header does not know of GOARM or GOAMD64.
func readGo(w *window, f *File) {
	if !w.found {
		return
	}
	data, ok := w.at(w.scan[0].off, w.scan[0].n)
	if !ok {
		return
	}
	version, rest, ok := goString(data[goHeaderBytes:])
	if !ok || !strings.HasPrefix(version, "go") && !strings.HasPrefix(version, "devel") {
		return
	}
	f.Go = keep(version)
	if info, _, ok := goString(rest); ok {
		f.setGo(info)
	}
}

// goString cuts a string with its length off p.
func goString(p []byte) (s string, rest []byte, ok bool) {
	n, width := binary.Uvarint(p)
	if width <= 0 || n > uint64(len(p)-width) {
		return "", nil, false
	}
	end := width + int(n)
	return string(p[width:end]), p[end:], true
}

// setGo reads the lines "build\tKEY=VALUE" of module data. A fat file has only the first
// of its parts read, so that nothing is concluded for the others.
func (f *File) setGo(info string) {
	if len(f.Targets) != 1 {
		return
	}
	t := &f.Targets[0]
	settings := goSettings(info)
	if os := settings["GOOS"]; os != "" && settings["GOARCH"] == t.Architecture {
		t.OS = keep(os)
		if variant := goVariant(settings); variant != "" {
			t.Variant = keep(variant)
		}
	}
}

func goSettings(info string) map[string]string {
	settings := map[string]string{}
	for line := range strings.SplitSeq(info, "\n") {
		if kv, ok := strings.CutPrefix(line, "build\t"); ok {
			if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "GO") {
				settings[k] = v
			}
		}
	}
	return settings
}

// goVariant returns the least variant that a program needs that was built so. Of what
// may follow the number ("7,softfloat", "v8.1,lse") nothing changes that.
func goVariant(settings map[string]string) string {
	switch settings["GOARCH"] {
	case "amd64":
		return settings["GOAMD64"]
	case "arm64":
		v, _, _ := strings.Cut(settings["GOARM64"], ",")
		return strings.TrimSuffix(v, ".0")
	case "arm":
		if v, _, _ := strings.Cut(settings["GOARM"], ","); v != "" {
			return "v" + v
		}
	}
	return ""
}
