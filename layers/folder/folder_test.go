package folder_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/layers/folder"
	"github.com/dray-oci/dray/layers/merge"
)

func scan(t *testing.T, dir string) []string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var all []string
	err = folder.Scan(t.Context(), root, func(e folder.Entry) error {
		line := fmt.Sprintf("%c %s", e.File.Type, e.Name)
		if e.Open != nil {
			rc, err := e.Open()
			if err != nil {
				return err
			}
			content, err := io.ReadAll(rc)
			if err := errors.Join(err, rc.Close()); err != nil {
				return err
			}
			line += " " + string(content)
		}
		if e.File.Link != "" {
			line += " -> " + e.File.Link
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWriteAndScan(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes, and no links without privileges")
	}
	at := time.Unix(1_600_000_000, 5000)
	dir := filepath.Join(t.TempDir(), "out")
	err := folder.Create(dir, func(root *os.Root) error {
		w := folder.NewWriter(root)
		return errors.Join(
			w.Add(".", &merge.File{Type: tar.TypeDir, Mode: 0o750, UID: os.Geteuid(), GID: os.Getegid(), ModTime: at}, nil),
			w.Add("d", &merge.File{Type: tar.TypeDir, Mode: 0o500, UID: os.Geteuid(), GID: os.Getegid(), ModTime: at}, nil),
			w.Add("d/f", &merge.File{Type: tar.TypeReg, Mode: 0o4711, UID: os.Geteuid(), GID: os.Getegid(), Size: 7, ModTime: at}, strings.NewReader("content")),
			w.Add("d/up", &merge.File{Type: tar.TypeSymlink, Link: "../../../etc/passwd", UID: os.Geteuid(), GID: os.Getegid(), ModTime: at}, nil),
			w.Add("d/implied", nil, nil),
			w.Link("g", "d/f", nil),
			w.Finish(),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"5 .", "5 d", "0 d/f content", "5 d/implied", "2 d/up -> ../../../etc/passwd", "0 g content"}
	if d := cmp.Diff(want, scan(t, dir)); d != "" {
		t.Error(d)
	}
	for name, mode := range map[string]fs.FileMode{".": fs.ModeDir | 0o750, "d": fs.ModeDir | 0o500, "d/f": fs.ModeSetuid | 0o711, "d/implied": fs.ModeDir | 0o755} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode() != mode || name != "d/implied" && !fi.ModTime().Equal(at) {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
}

// What leads out of the folder is not followed, whoever put it there.
func TestNothingLeadsOut(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(t.TempDir(), "out")
	reg := &merge.File{Type: tar.TypeReg, Mode: 0o644, Size: 1, ModTime: time.Unix(0, 0)}
	err := folder.Create(dir, func(root *os.Root) error {
		if err := root.Symlink(outside, "link"); err != nil {
			t.Skip(err)
		}
		w := folder.NewWriter(root)
		for _, name := range []string{"link/x", "../x", "/x", "link/../../x"} {
			if err := w.Add(name, reg, strings.NewReader("x")); err == nil {
				t.Errorf("%s is written", name)
			}
			if err := w.Link(name, "link", reg); err == nil {
				t.Errorf("%s is linked", name)
			}
		}
		return w.Finish()
	})
	if err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A folder that something is in is not touched, and a failure leaves nothing.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(dir, func(*os.Root) error { return nil }); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	parent := t.TempDir()
	why := errors.New("why")
	if err := folder.Create(filepath.Join(parent, "new"), func(root *os.Root) error {
		return errors.Join(root.Mkdir("a", 0o500), why)
	}); !errors.Is(err, why) {
		t.Error(err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if err := os.Mkdir(filepath.Join(parent, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(filepath.Join(parent, "empty"), func(root *os.Root) error { return root.Mkdir("a", 0o755) }); err != nil {
		t.Error(err)
	}
}

func Example() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	err := folder.Create(filepath.Join(dir, "rootfs"), func(root *os.Root) error {
		w := folder.NewWriter(root)
		return errors.Join(w.Add("a", &merge.File{Type: tar.TypeDir, Mode: 0o755}, nil), w.Finish())
	})
	fmt.Println(err)
	// Output: <nil>
}
