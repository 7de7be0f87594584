package tario_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/tario"
)

// scan returns the pieces of raw and fails unless they are all of it.
func scan(t testing.TB, raw []byte) (all []tario.Piece) {
	t.Helper()
	s := tario.NewScanner(bytes.NewReader(raw))
	var got bytes.Buffer
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Offset != int64(got.Len()) {
			t.Fatalf("piece at %d after %d bytes", p.Offset, got.Len())
		}
		if n, err := got.ReadFrom(s); err != nil || n > p.Size {
			t.Fatalf("%d bytes of a piece of %d: %v", n, p.Size, err)
		}
		all = append(all, p)
	}
	if !bytes.Equal(got.Bytes(), raw) {
		t.Fatalf("%d bytes became %d", len(raw), got.Len())
	}
	return all
}

func TestScan(t *testing.T) {
	long := strings.Repeat("long/", 60) + "name"
	gnu := file(long, "GNU")
	gnu.Format = tar.FormatGNU
	pax := file("pax-"+long, "PAX!")
	pax.Format = tar.FormatPAX
	raw := pack(t, file("a", "text"), link(tar.TypeSymlink, "l", "a"), gnu, pax, file("full", strings.Repeat("x", 512)))
	raw = append(raw, "more"...)
	var got []string
	for _, p := range scan(t, raw) {
		got = append(got, fmt.Sprintf("%d %d %s", p.Kind, p.Size, p.Name))
	}
	want := []string{
		"0 512 a", "2 4 a", "3 508 ",
		"0 512 l",
		"0 512 ", "1 512 ", "0 512 " + long, "2 3 " + long, "3 509 ",
		"0 512 ", "1 512 ", "0 512 pax-" + long, "2 4 pax-" + long, "3 508 ",
		"0 512 full", "2 512 full",
		"4 1028 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A size that does not fit into the header stands before it.
func TestScanTakesTheSizeOfThePaxHeader(t *testing.T) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: 9 << 30, Format: tar.FormatPAX}
	var buf bytes.Buffer
	if err := tar.NewWriter(&buf).WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	all := scan(t, append(buf.Bytes(), "cut"...))
	if last := all[len(all)-1]; last.Kind != tario.Content || last.Size != 9<<30 {
		t.Errorf("%+v", last)
	}
}

// After what is no header the next header is found again.
func TestScanFindsItsWayBack(t *testing.T) {
	raw := append(bytes.Repeat([]byte("junk"), 128), pack(t, file("a", "text"))...)
	all := scan(t, raw)
	if len(all) < 2 || all[0].Kind != tario.Other || all[0].Size != 512 || all[1].Name != "a" {
		t.Errorf("%+v", all)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(pack(f, file("a", "text"), link(tar.TypeLink, "b", "a")), 140, byte('7'))
	f.Add([]byte("no tar"), 0, byte(0))
	f.Fuzz(func(t *testing.T, raw []byte, at int, b byte) {
		if at >= 0 && at < len(raw) {
			raw[at] = b
			if head := at &^ 511; head+512 <= len(raw) { // let the change be a header
				copy(raw[head+148:], fmt.Sprintf("%06o\x00 ", tario.Checksum(raw[head:])))
			}
		}
		scan(t, raw)
	})
}
