package list

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/arch"
)

func platforms(t *testing.T, s string) arch.Selection {
	t.Helper()
	sel, err := arch.ParseList([]string{s})
	if err != nil {
		t.Fatal(err)
	}
	return sel
}

func TestRead(t *testing.T) {
	const text = "\ufeff# base images\r\n\r\n  alpine:3.20\t# pinned\r\n/srv/a#b.tar\n\t#x\nalpine:3.20\n\n" +
		"a/b:1 as=c/d:2\tplatform=linux/amd64,linux/arm64 # both\n/srv/my images.tar platform=all\nlast"
	got, err := Read(strings.NewReader(text), "l.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Name: "alpine:3.20", File: "l.txt", Number: 3},
		{Name: "/srv/a#b.tar", File: "l.txt", Number: 4},
		{Name: "alpine:3.20", File: "l.txt", Number: 6},
		{Name: "a/b:1", As: "c/d:2", Platforms: platforms(t, "linux/amd64,linux/arm64"), File: "l.txt", Number: 8},
		{Name: "/srv/my images.tar", Platforms: platforms(t, "all"), File: "l.txt", Number: 9},
		{Name: "last", File: "l.txt", Number: 10},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var out bytes.Buffer
	if err := Write(&out, "again", got); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&out, "l.txt")
	if err != nil || len(again) != len(got) || again[3].String() != got[3].String() {
		t.Errorf("read back: %v, %v", again, err)
	}
}

func TestReadRefuses(t *testing.T) {
	full := strings.Repeat("a\n", maxLines)
	if got, err := Read(strings.NewReader(full), "l"); err != nil || len(got) != maxLines {
		t.Errorf("%d lines: %d names, %v", maxLines, len(got), err)
	}
	tests := []struct {
		name string
		in   io.Reader
		want string
	}{
		{"lines", strings.NewReader(full + "a"), "l:10001: the list has more than 10000 lines"},
		{"bytes", strings.NewReader("a\n#" + strings.Repeat("x", maxBytes)), "l:2: the list is longer than 8388608 bytes"},
		{"endless", strings.NewReader(strings.Repeat("\n", maxBytes+9)), "the list is longer"},
		{"utf-16", strings.NewReader("\xff\xfea\x00\n\x00"), "l:1: this is not UTF-8 text"},
		{"zero", strings.NewReader("a\nb\x00"), "l:2: this is not UTF-8 text"},
		{"broken", iotest.ErrReader(errors.New("disk gone")), "l: disk gone"},
		{"unknown", strings.NewReader("a\nb platfrom=linux/amd64"), "l:2: platfrom= is no setting"},
		{"before a setting", strings.NewReader("b tag=x as=c/d:1"), "l:1: tag= is no setting"},
		{"twice", strings.NewReader("b as=x:1 as=y:1"), "l:1: as= stands twice"},
		{"no name", strings.NewReader("as=x:1"), "l:1: there is no name before as="},
		{"no name, two", strings.NewReader("platform=all as=x:1"), "l:1: there is no name before platform="},
		{"blank after a comma", strings.NewReader("b platform=linux/amd64, linux/arm64"), "without blanks"},
		{"blank before =", strings.NewReader("b as =c:1"), "l:1: "},
		{"two names", strings.NewReader("b:1 c:1"), `l:1: "c:1" follows "b:1"`},
		{"no platform", strings.NewReader("b platform="), "l:1:"},
		{"bad platform", strings.NewReader("b platform=a/b/c/d/e"), "l:1:"},
		{"bad name", strings.NewReader("b as=C:1"), "l:1:"},
		{"several", strings.NewReader("a x=1\nb\nc y=1"), "there are as= and platform=\nl:3: y= is no"},
		{"digest", strings.NewReader("b as=c@sha256:" + strings.Repeat("0", 64)), "cannot be given"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := Read(tt.in, "l"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Read = %d lines, %v; want %q", len(got), err, tt.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("# a\nb #c\r\n\ufeff")
	f.Add("a as=b:1 platform=linux/amd64,all\n")
	f.Fuzz(func(t *testing.T, s string) {
		lines, err := Read(strings.NewReader(s), "l")
		if err != nil {
			return
		}
		for _, l := range lines {
			if l.Name == "" || l.Name != strings.TrimSpace(l.Name) || strings.ContainsAny(l.Name, "\n\x00") {
				t.Fatalf("Read(%q) holds %q", s, l.Name)
			}
			if again, err := parseLine(l.String()); err != nil || again.String() != l.String() {
				t.Fatalf("%q is read back as %q, %v", l, again, err)
			}
		}
	})
}
