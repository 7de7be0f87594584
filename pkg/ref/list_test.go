package ref

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadList(t *testing.T) {
	const list = "\ufeff# base images\r\n\r\n  alpine:3.20\t# pinned\r\n/srv/a#b.tar\n\t#x\nalpine:3.20\n\nlast"
	got, err := ReadList(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alpine:3.20", "/srv/a#b.tar", "alpine:3.20", "last"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadListBounds(t *testing.T) {
	full := strings.Repeat("a\n", maxListLines)
	if got, err := ReadList(strings.NewReader(full)); err != nil || len(got) != maxListLines {
		t.Errorf("%d lines: %d names, %v", maxListLines, len(got), err)
	}
	tests := []struct {
		name string
		in   io.Reader
		want string
	}{
		{"lines", strings.NewReader(full + "a"), "line 10001: the list has more than 10000 lines"},
		{"bytes", strings.NewReader("a\n#" + strings.Repeat("x", maxListBytes)), "line 2: the list is longer than 1048576 bytes"},
		{"endless", strings.NewReader(strings.Repeat("\n", maxListBytes+9)), "the list is longer"},
		{"utf-16", strings.NewReader("\xff\xfea\x00\n\x00"), "line 1: this is not UTF-8 text"},
		{"zero", strings.NewReader("a\nb\x00"), "line 2: this is not UTF-8 text"},
		{"broken", iotest.ErrReader(errors.New("disk gone")), "reading list of names: disk gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ReadList(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadList = %d names, %v; want %q", len(got), err, tt.want)
			}
		})
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("# a\nb #c\r\n\ufeff")
	f.Fuzz(func(t *testing.T, s string) {
		names, err := ReadList(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, name := range names {
			if name == "" || name != strings.TrimSpace(name) || strings.ContainsAny(name, "\n\x00") {
				t.Fatalf("ReadList(%q) holds %q", s, name)
			}
		}
	})
}
