package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
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
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place/ocidir"
)

// awkward lays an image there whose layers are as awkward as layers can be: as tag 1
// what every engine takes, as tag 2 what only the specification and umoci do.
func awkward(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: awkward DIR")
	}
	dst := ocidir.New(ts.MkAbs(args[0]), nil)
	ts.Check(putImage(dst, "1", awkwardLayers()...))
	ts.Check(putImage(dst, "2", append(awkwardLayers(), oddLayers()...)...))
	ts.Check(dst.Close())
}

// capability is what setcap cap_net_raw+ep writes: version 2, effective, bit 13.
const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func file(name string, mode int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: -1}
}

func dirs(names ...string) (all []*tar.Header) {
	for _, n := range names {
		all = append(all, &tar.Header{Typeflag: tar.TypeDir, Name: n + "/", Mode: 0o755})
	}
	return all
}

// link has the mode of what it links to: Docker takes that of a hard link for the file.
func link(typ byte, name, target string) *tar.Header {
	mode := map[byte]int64{tar.TypeLink: 0o644, tar.TypeSymlink: 0o777}[typ]
	return &tar.Header{Typeflag: typ, Name: name, Linkname: target, Mode: mode}
}

func whiteout(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name} }

func awkwardLayers() [][]*tar.Header {
	deep := "deep"
	one := dirs("d", "opaque", "opaque/sub", "whole", "whole/sub", "dirlink", "target", "linkdir", "nodes", "names", "hard", "deep")
	for i := range 100 {
		deep = path.Join(deep, fmt.Sprintf("%d", i))
		one = append(one, dirs(deep)...)
	}
	owned := file("d/owned", 0o640)
	owned.Uid, owned.Gid = 3_000_000, 4_000_000
	capable := file("d/capable", 0o755)
	capable.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability}
	one = append(one,
		file(deep+"/file", 0o644), file("gone", 0o644), file("d/kept", 0o644), file("d/replaced", 0o644), file("opaque/old", 0o644), file("opaque/sub/old", 0o644),
		file("whole/old", 0o644), file("whole/sub/old", 0o644), file("dirlink/old", 0o644), file("target/in", 0o644), file("linkdir/x", 0o644),
		file("d/setuid", 0o4755), file("d/setgid", 0o2755), file("d/sticky", 0o1644), owned, capable,
		link(tar.TypeSymlink, "up", "../../../etc/shadow"), link(tar.TypeSymlink, "abs", "/etc/shadow"), link(tar.TypeSymlink, "loop", "loop"), link(tar.TypeSymlink, "linked", "target"),
		&tar.Header{Typeflag: tar.TypeChar, Name: "nodes/null", Mode: 0o666, Devmajor: 1, Devminor: 3},
		&tar.Header{Typeflag: tar.TypeBlock, Name: "nodes/loop0", Mode: 0o660, Gid: 6, Devmajor: 7},
		&tar.Header{Typeflag: tar.TypeFifo, Name: "nodes/pipe", Mode: 0o600},
		file("names/latin\xe9", 0o644), file("names/new\nline", 0o644), file("names/"+strings.Repeat("n", 200), 0o644), file("names/日本", 0o644),
		file("hard/a", 0o644), link(tar.TypeLink, "hard/b", "hard/a"), link(tar.TypeLink, "hard/c", "hard/a"), file("file", 0o644), file("empty", 0o600),
	)
	two := append([]*tar.Header{whiteout(".wh.gone")}, dirs("d", "opaque", "hard")...)
	two = append(two, file("d/replaced", 0o600), whiteout("opaque/.wh..wh..opq"), file("opaque/new", 0o644), whiteout(".wh.whole"),
		file("hard/a", 0o600), whiteout(".wh.dirlink"))
	three := append(dirs("whole", "linked", "file"), file("whole/new", 0o644), file("linked/own", 0o644), file("file/in", 0o644), link(tar.TypeSymlink, "dirlink", "target"))
	return [][]*tar.Header{one, two, three}
}

// oddLayers: whiteouts after their files, hard links to lower layers, a folder and its
// whiteout in one layer.
func oddLayers() [][]*tar.Header {
	one := append(dirs("d", "both", "after"), file("both/old", 0o644), file("after/old", 0o644), file("d/late", 0o644))
	two := append(dirs("d"), file("d/late", 0o600), whiteout("d/.wh.late"))
	two = append(two, append(dirs("after"), file("after/new", 0o644), whiteout("after/.wh..wh..opq"))...)
	two = append(two, link(tar.TypeLink, "d/across", "d/kept"))
	return [][]*tar.Header{one, two}
}

func putImage(dst *ocidir.Dir, tag string, layers ...[]*tar.Header) error {
	ctx := context.Background()
	put := func(mt types.MediaType, raw []byte) (v1.Descriptor, error) {
		d := manifest.Describe(mt, raw)
		return d, dst.Put(ctx, d, blob.Bytes(raw))
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	c := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}, Config: v1.Config{Cmd: []string{"/none"}}}
	for i, headers := range layers {
		raw, err := packLayer(i, headers)
		if err != nil {
			return err
		}
		d, err := put(types.OCIUncompressedLayer, raw)
		if err != nil {
			return err
		}
		m.Layers, c.RootFS.DiffIDs = append(m.Layers, d), append(c.RootFS.DiffIDs, d.Digest)
		c.History = append(c.History, v1.History{CreatedBy: "awkward"})
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if m.Config, err = put(types.OCIConfigJSON, raw); err != nil {
		return err
	}
	if raw, err = json.Marshal(m); err != nil {
		return err
	}
	root, err := put(m.MediaType, raw)
	if err != nil {
		return err
	}
	return dst.Commit(ctx, root, tag)
}

func packLayer(n int, headers []*tar.Header) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		content := ""
		if h.Size < 0 {
			if h.Name != "empty" {
				content = fmt.Sprintf("%s of %d", h.Name, n)
			}
			h.Size = int64(len(content))
		}
		h.ModTime = time.Unix(1_600_000_000, 0)
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, content); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), w.Close()
}

// listing writes what is in a tar or a folder, one name a line, sorted: all that
// engines agree on. What they put into every container is left out.
func listing(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: listing TAR|DIR OUT")
	}
	from := ts.MkAbs(args[0])
	fi, err := os.Stat(from)
	ts.Check(err)
	lines := map[string]string{}
	if fi.IsDir() {
		ts.Check(listDir(from, lines))
	} else {
		ts.Check(listTar(from, lines))
	}
	maps.DeleteFunc(lines, func(name, _ string) bool {
		first, _, _ := strings.Cut(name, "/")
		return slices.Contains([]string{".", "dev", "proc", "sys", "etc", "run", ".dockerenv", "run/.containerenv"}, first)
	})
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&out, "%q %s\n", name, lines[name])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.String()), 0o600))
}

func listTar(name string, lines map[string]string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	same := map[string][]string{}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(strings.TrimPrefix(h.Name, "/"))
		if h.Typeflag == tar.TypeLink {
			target := path.Clean(h.Linkname)
			same[target] = append(same[target], name)
			lines[name] = lines[target]
			continue
		}
		if lines[name], err = line(h, r); err != nil {
			return err
		}
	}
	for target, names := range same {
		markShared(lines, append(names, target))
	}
	return nil
}

func listDir(dir string, lines map[string]string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	same := map[folder.ID][]string{}
	err = folder.Scan(context.Background(), root, func(e folder.Entry) error {
		var content io.Reader
		if e.Open != nil {
			rc, err := e.Open()
			if err != nil {
				return err
			}
			defer rc.Close()
			content = rc
		}
		if e.ID != (folder.ID{}) {
			same[e.ID] = append(same[e.ID], e.Name)
		}
		var err error
		lines[e.Name], err = line(e.File.Header(e.Name), content)
		return err
	})
	for _, names := range same {
		markShared(lines, names)
	}
	return err
}

func markShared(lines map[string]string, names []string) {
	slices.Sort(names)
	for _, n := range names {
		lines[n] += fmt.Sprintf(" same as %q", names)
	}
}

func line(h *tar.Header, content io.Reader) (string, error) {
	mode := h.Mode & 0o7777
	if h.Typeflag == tar.TypeSymlink {
		mode = 0o777
	}
	s := fmt.Sprintf("%c %o %d:%d %q", h.Typeflag, mode, h.Uid, h.Gid, h.Linkname)
	switch h.Typeflag {
	case tar.TypeChar, tar.TypeBlock:
		s += fmt.Sprintf(" %d,%d", h.Devmajor, h.Devminor)
	case tar.TypeReg:
		sum := sha256.New()
		n, err := io.Copy(sum, content)
		if err != nil {
			return "", err
		}
		s += fmt.Sprintf(" %d %x", n, sum.Sum(nil)[:8])
	}
	if c := h.PAXRecords["SCHILY.xattr.security.capability"]; c != "" {
		s += fmt.Sprintf(" %x", c)
	}
	return s, nil
}
