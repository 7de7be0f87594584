package layers

import (
	"archive/tar"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dray-oci/dray/layers/merge"
)

// Layers of Windows hold the files below Files and the registry below Hives
// (image-spec: layer.md; hcsshim wants both).
const (
	windowsFiles = "Files"
	windowsHives = "Hives"
	// usersSID is a security descriptor in its binary form, base64: owner and group
	// are BUILTIN\Users (S-1-5-32-545). Without one, nobody may execute the file.
	usersSID = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA=="
)

// windowsName is a name in a layer of Windows: C:\app and /app are Files/app.
func windowsName(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	if len(name) >= 2 && name[1] == ':' {
		name = name[2:]
	}
	return path.Join(windowsFiles, path.Join("/", name))
}

// isWindowsLayer reports whether everything in t stands where layers of Windows have
// it. It uses t up.
func isWindowsLayer(t *merge.Table) bool {
	tree := merge.Of([]*merge.Table{t}, true)
	names := []string{}
	for _, e := range tree.Kids(".") {
		names = append(names, e.Name)
	}
	for _, m := range tree.Marks() {
		first, _, _ := strings.Cut(m.Name, "/")
		names = append(names, first)
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		return !strings.EqualFold(name, windowsFiles) && !strings.EqualFold(name, windowsHives) && !strings.EqualFold(name, "UtilityVM")
	})
}

// windowsFile gives f what Windows needs to let anybody use it.
func windowsFile(f *merge.File) *merge.File {
	c := *f
	c.Records = maps.Clone(f.Records)
	if c.Records == nil {
		c.Records = map[string]string{}
	}
	if _, ok := c.Records["MSWINDOWS.rawsd"]; !ok {
		c.Records["MSWINDOWS.rawsd"] = usersSID
	}
	return &c
}

// windowsRoots puts the two folders there that every layer of Windows has.
func (o *overlay) windowsRoots() {
	for _, name := range []string{windowsFiles, windowsHives} {
		if _, ok := o.items[name]; !ok {
			o.items[name] = item{file: windowsFile(&merge.File{Type: tar.TypeDir, Mode: 0o555, ModTime: o.at})}
		}
	}
}

// windowsTar rewrites a plain tar with what Windows needs: Files in front of every
// name, and the two folders first.
func windowsTar(t *merge.TarWriter, tr *tar.Reader, at time.Time) error {
	for _, name := range []string{windowsFiles, windowsHives} {
		if err := t.Add(name, windowsFile(&merge.File{Type: tar.TypeDir, Mode: 0o555, ModTime: at}), nil); err != nil {
			return err
		}
	}
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return t.Close()
		}
		if err != nil {
			return err
		}
		if path.Join("/", h.Name) == "/" {
			continue
		}
		h.Name = windowsName(h.Name)
		if h.Typeflag == tar.TypeLink {
			h.Linkname = windowsName(h.Linkname)
		}
		h.Format = tar.FormatPAX
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		if _, ok := h.PAXRecords["MSWINDOWS.rawsd"]; !ok {
			h.PAXRecords["MSWINDOWS.rawsd"] = usersSID
		}
		if err := t.Raw(h, tr); err != nil {
			return err
		}
	}
}
