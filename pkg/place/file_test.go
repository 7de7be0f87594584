package place_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dray-oci/dray/pkg/place"
)

func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileIsBounded(t *testing.T) {
	const content = "before|the section|after"
	for name, open := range map[string]func(t *testing.T) (place.File, error){
		"NewFile": func(t *testing.T) (place.File, error) { return place.NewFile(tempFile(t, content), 7, 11) },
		"FileAt":  func(*testing.T) (place.File, error) { return place.FileAt(strings.NewReader(content), 7, 11), nil },
	} {
		t.Run(name, func(t *testing.T) {
			f, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Size() != 11 {
				t.Errorf("%d bytes", f.Size())
			}
			if err := iotest.TestReader(f, []byte("the section")); err != nil {
				t.Error(err)
			}
			if _, err := f.Seek(-1, io.SeekStart); err == nil {
				t.Error("seeks before the start")
			}
			if _, err := f.Seek(20, io.SeekStart); err != nil {
				t.Error(err)
			}
			if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("beyond the end: %d, %v", n, err)
			}
		})
	}
}

func TestNewFileRefusesWhatIsNotThere(t *testing.T) {
	for _, at := range [][2]int64{{0, 4}, {3, 1}, {4, 0}, {-1, 1}, {0, -1}, {1 << 62, 1 << 62}} {
		f := tempFile(t, "abc")
		if _, err := place.NewFile(f, at[0], at[1]); err == nil {
			t.Errorf("%v of 3 bytes is taken", at)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFileStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.json")
	stamp := func() string {
		s, err := place.FileStamp(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	none := stamp()
	if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if one := stamp(); one == none || one == stamp() {
		t.Error("a file of just now has the same stamp twice")
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	settled := stamp()
	if settled != stamp() {
		t.Error("an old file has two stamps")
	}
	if err := os.WriteFile(path, []byte("22"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if settled == stamp() {
		t.Error("another size has the same stamp")
	}
}
