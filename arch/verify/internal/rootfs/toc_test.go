package rootfs_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

const toc = `{"version":1,"entries":[
 {"name":"bin/","type":"dir","mode":493},
 {"name":"bin/a","type":"reg","mode":493,"size":10000,"offset":100,"chunkSize":4096},
 {"name":"bin/a","type":"chunk","offset":900,"chunkOffset":4096},
 {"name":"bin/b","type":"symlink","linkName":"a"},
 {"name":"bin/c","type":"hardlink","linkName":"bin/a"},
 {"name":"small","type":"reg","size":5,"offset":900,"innerOffset":7},
 {"name":"odd","type":"reg","size":5,"offset":-1},
 {"name":"etc/.wh.x","type":"reg"}],"more":{"a":[1]}}`

func TestReadTOC(t *testing.T) {
	l, err := rootfs.ReadTOC(strings.NewReader(toc), nil)
	if err != nil || l.Entries != 7 {
		t.Fatal(l, err)
	}
	tr := rootfs.New([]*rootfs.Layer{l}, false)
	for name, want := range map[string]rootfs.Content{
		"bin/a": {Offset: 100, Size: 10000}, "bin/b": {Offset: 100, Size: 10000}, "bin/c": {Offset: 100, Size: 10000},
		"small": {Offset: 900, Inner: 7, Size: 5}, "odd": {}, "bin": {},
	} {
		f, err := tr.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := tr.Content(f); got != want || ok != (want != rootfs.Content{}) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, bad := range []string{"", "[]", `{"entries":3}`, `{"entries":[3]}`, toc[:100], `{"entries":[]`} {
		if l, err := rootfs.ReadTOC(strings.NewReader(bad), new(rootfs.Budget)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %v, %v", bad, l, err)
		}
	}
	if _, err := rootfs.ReadTOC(strings.NewReader(toc), &rootfs.Budget{MaxBytes: 300}); !errors.Is(err, rootfs.ErrTooLarge) {
		t.Error(err)
	}
}

func FuzzReadTOC(f *testing.F) {
	f.Add(toc)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := rootfs.ReadTOC(strings.NewReader(text), new(rootfs.Budget))
		if err != nil {
			return
		}
		tr := rootfs.New([]*rootfs.Layer{l}, false)
		for _, name := range []string{"bin/a", "bin/b", "small"} {
			if f, err := tr.Lookup(name); err == nil {
				tr.Content(f)
			}
		}
	})
}
