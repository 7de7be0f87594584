package tario_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/tario"
)

func file(name, content string) member {
	return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}, content}
}

func link(typ byte, name, target string) member {
	return member{tar.Header{Typeflag: typ, Name: name, Linkname: target}, ""}
}

type member struct {
	tar.Header
	content string
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func index(ctx context.Context, raw []byte) (*tario.Table, error) {
	return tario.Index(ctx, bytes.NewReader(raw), int64(len(raw)))
}

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"a":                       "a",
		"./blobs/sha256/x":        "blobs/sha256/x",
		"/abs//b/":                "abs/b",
		"a/../b":                  "b",
		"./":                      ".",
		"/":                       ".",
		"..a/b..":                 "..a/b..",
		"":                        "",
		"..":                      "",
		"../a":                    "",
		"/../a":                   "",
		"a/../../b":               "",
		"a\x00b":                  "",
		strings.Repeat("a", 4097): "",
	} {
		got, err := tario.CleanName(name)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, tario.ErrInvalid) {
			t.Errorf("%.50q: %q, %v", name, got, err)
		}
	}
}

func TestFind(t *testing.T) {
	members := []member{
		{tar.Header{Typeflag: tar.TypeDir, Name: "dir/"}, ""},
		file("./dir/a", "content of a"),
		file(strings.Repeat("long/", 60)+"name", "of a long name"),
		link(tar.TypeSymlink, "dir/same", "a"),
		link(tar.TypeSymlink, "other/up", "../dir/a"),
		link(tar.TypeLink, "hard", "dir/a"),
		link(tar.TypeSymlink, "loop", "loop"),
		link(tar.TypeSymlink, "out", "../etc/passwd"),
		link(tar.TypeSymlink, "abs", "/dir/a"),
		link(tar.TypeSymlink, "gone", "dir/gone"),
		link(tar.TypeFifo, "fifo", ""),
		file("dir/a", "content of a"), // twice, but equal
		file("empty", ""),
	}
	for i := range 9 {
		members = append(members, link(tar.TypeSymlink, fmt.Sprint("hop", i+1), fmt.Sprint("hop", i)))
	}
	members = append(members, link(tar.TypeSymlink, "hop0", "empty"))
	raw := pack(t, members...)
	table, err := index(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"dir/a":                              "content of a",
		"./dir/a":                            "content of a",
		strings.Repeat("long/", 60) + "name": "of a long name",
		"dir/same":                           "content of a",
		"other/up":                           "content of a",
		"hard":                               "content of a",
		"empty":                              "",
		"hop7":                               "",
		"hop8":                               tario.ErrInvalid,
		"loop":                               tario.ErrInvalid,
		"dir":                                tario.ErrInvalid,
		"out":                                tario.ErrInvalid,
		"abs":                                tario.ErrInvalid,
		"fifo":                               tario.ErrInvalid,
		"../dir/a":                           tario.ErrInvalid,
		"gone":                               fs.ErrNotExist,
		"nothing":                            fs.ErrNotExist,
	} {
		m, err := table.Find(name)
		if wantErr, ok := want.(error); ok {
			if !errors.Is(err, wantErr) {
				t.Errorf("%.50q: %+v, %v", name, m, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%.50q: %v", name, err)
			continue
		}
		if got := raw[m.Offset : m.Offset+m.Size]; string(got) != want {
			t.Errorf("%.50q: %q", name, got)
		}
	}
	if got := len(table.Files()); got != 3 {
		t.Errorf("%d files", got)
	}
}

func TestIndexRefuses(t *testing.T) {
	for name, raw := range map[string][]byte{
		"no tar":              bytes.Repeat([]byte("no tar "), 200),
		"cut in a header":     pack(t, file("a", "b"))[:100],
		"cut in content":      pack(t, file("a", strings.Repeat("b", 600)))[:1000],
		"climbing":            pack(t, file("../a", "b")),
		"twice, other bytes":  pack(t, file("a", "b"), file("./a", "c")),
		"twice, other length": pack(t, file("a", "b"), file("a", "bb")),
		"twice, other kind":   pack(t, file("a", ""), link(tar.TypeSymlink, "a", "b")),
		"twice, other target": pack(t, link(tar.TypeSymlink, "a", "c"), link(tar.TypeSymlink, "a", "b")),
		"too many":            folders(t, 200_001),
		"sparse":              sparse(t),
	} {
		if _, err := index(t.Context(), raw); !errors.Is(err, tario.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := index(ctx, pack(t, file("a", "b"))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// folders returns a tar with n folders, made by hand: archive/tar takes seconds.
func folders(t *testing.T, n int) []byte {
	t.Helper()
	first := pack(t, member{tar.Header{Typeflag: tar.TypeDir, Name: "000000/"}, ""})[:tario.BlockBytes]
	raw := make([]byte, 0, n*tario.BlockBytes)
	for i := range n {
		raw = append(raw, first...)
		h := raw[i*tario.BlockBytes:]
		copy(h, fmt.Sprintf("%06d", i))
		sign(h)
	}
	return raw
}

// sign corrects the checksum of a header.
func sign(h []byte) {
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h[:tario.BlockBytes] {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// sparse returns a tar with a GNU sparse 1.0 member, which archive/tar does not
// write: its records are those of a file whose own name says otherwise.
func sparse(t *testing.T) []byte {
	t.Helper()
	records := "22 GNU.sparse.major=1\n" + "22 GNU.sparse.minor=0\n" + "27 GNU.sparse.realsize=512\n" + "21 GNU.sparse.name=a\n"
	raw := pack(t, file("PaxHeaders.0/a", records), file("GNUSparseFile.0/a", "0\n"+strings.Repeat("\x00", 510)))
	raw[156] = tar.TypeXHeader
	sign(raw)
	return raw
}

// The sizes at which the formats change, byte for byte: archives of earlier
// versions have to come out the same.
func TestHeaders(t *testing.T) {
	for _, tt := range []struct {
		name   string
		size   int64
		blocks int
		format tar.Format
	}{
		{"oci-layout", 30, 1, tar.FormatUSTAR},
		{"blobs/sha256/" + strings.Repeat("f", 64), 1<<33 - 1, 1, tar.FormatUSTAR},
		{"blobs/sha256/" + strings.Repeat("f", 64), 1 << 33, 3, tar.FormatPAX},
		{"blobs/sha512/" + strings.Repeat("f", 128), 1, 3, tar.FormatPAX},
	} {
		raw, err := tario.FileHeader(tt.name, tt.size)
		if err != nil {
			t.Fatal(err)
		}
		h, err := tar.NewReader(bytes.NewReader(raw)).Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) != tt.blocks*tario.BlockBytes || h.Format != tt.format || h.Name != tt.name || h.Size != tt.size {
			t.Errorf("%.20s, %d bytes: %d bytes of header, %+v", tt.name, tt.size, len(raw), h)
		}
		if h.Mode != 0o644 || h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%.20s: %+v", tt.name, h)
		}
	}
	if _, err := tario.FileHeader("a", -1); err == nil {
		t.Error("a negative size passes")
	}
	for size, want := range map[int64]int64{0: 0, 1: 511, 511: 1, 512: 0, 1<<33 + 1: 511} {
		if got := tario.Padding(size); got != want {
			t.Errorf("padding of %d: %d", size, got)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var buf bytes.Buffer
	folder, err := tario.FolderHeader("dir")
	if err != nil {
		t.Fatal(err)
	}
	head, err := tario.FileHeader("dir/file", 7)
	if err != nil {
		t.Fatal(err)
	}
	buf.Write(folder)
	buf.Write(head)
	buf.WriteString("content")
	buf.Write(make([]byte, tario.Padding(7)+tario.TrailerBytes))
	table, err := index(t.Context(), buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []tario.Member{{Name: "dir/file", Offset: 1024, Size: 7}}
	if diff := cmp.Diff(want, table.Files()); diff != "" {
		t.Error(diff)
	}
}

func TestEnds(t *testing.T) {
	raw := pack(t, file("a", strings.Repeat("\x00", 2048)), file("b", ""))
	for cut, want := range map[int]bool{0: true, 512: true, 1024: false, 1536: false} {
		table, err := index(t.Context(), raw[:len(raw)-cut])
		if err != nil || table.Ends() != want {
			t.Errorf("%d bytes cut: Ends is not %v, %v", cut, want, err)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(pack(f, file("a", "b"), file("a", "b"), link(tar.TypeSymlink, "c", "a"), link(tar.TypeLink, "d", "a")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := index(t.Context(), raw)
		if err != nil {
			return
		}
		for _, m := range table.Files() {
			if m.Offset < 0 || m.Size < 0 || m.Offset+m.Size > int64(len(raw)) {
				t.Errorf("%+v is not within %d bytes", m, len(raw))
			}
			if got, err := table.Find(m.Name); err != nil || got != m {
				t.Errorf("%+v was found as %+v, %v", m, got, err)
			}
		}
	})
}

func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		members := make([]member, n)
		for i := range members {
			members[i] = file(fmt.Sprintf("blobs/sha256/%064d", i), strings.Repeat("x", 4096))
		}
		raw := pack(b, members...)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := index(b.Context(), raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleIndex() {
	header, _ := tario.FileHeader("greeting", 5)
	raw := append(header, "hello"...)
	raw = append(raw, make([]byte, tario.Padding(5)+tario.TrailerBytes)...)

	table, err := tario.Index(context.Background(), bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := table.Find("./greeting")
	fmt.Printf("%s %v\n", raw[m.Offset:m.Offset+m.Size], err)
	// Output: hello <nil>
}
