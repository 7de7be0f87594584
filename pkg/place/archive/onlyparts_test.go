package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/placetest"
)

// onlySize is that of the parts of which some are written alone.
const onlySize = 1_000_000

// spoiled writes a set of img, of which parts 2 and 4 are then lost, and returns its
// path and how to write 2, 4 and 5 again.
func spoiled(t *testing.T, img named) (path string, o archive.Options) {
	t.Helper()
	path, o = filepath.Join(t.TempDir(), "images.tar"), in(onlySize)
	if _, err := recorded(t, create(t, path, o), never, img); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path+".002"), os.WriteFile(path+".004", []byte("other"), 0o600)); err != nil {
		t.Fatal(err)
	}
	o.Parts.Only = []int{2, 4, 5}
	return path, o
}

// Of the parts that are not right no more is asked for than they hold.
func TestOnlyParts(t *testing.T) {
	img := large(t)
	path, o := spoiled(t, img)
	asked, err := recorded(t, create(t, path, o), never, img)
	if err != nil {
		t.Fatal(err)
	}
	isSet(t, path, whole(t, img), onlySize, 0)
	var n int64
	for _, ranges := range asked {
		for _, r := range ranges {
			n += r[1]
		}
	}
	if n != 2*onlySize || len(asked) != 1 {
		t.Errorf("%d bytes are asked for: %v", n, asked)
	}
}

// A run that was cut in the middle of a part goes on there.
func TestOnlyPartsAreContinued(t *testing.T) {
	img := large(t)
	path, o := spoiled(t, img)
	if _, err := recorded(t, create(t, path, o), func(v1.Descriptor) error { return errCut }, img); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	asked, err := recorded(t, create(t, path, o), never, img)
	if err != nil {
		t.Fatal(err)
	}
	isSet(t, path, whole(t, img), onlySize, 0)
	for _, ranges := range asked {
		if len(ranges) != 2 || ranges[0][1] != onlySize/2 || ranges[1][1] != onlySize {
			t.Errorf("asked for %v", ranges)
		}
	}
}

// Without the document whole blobs are read, to verify them.
func TestOnlyPartsOfAnUnknownSet(t *testing.T) {
	img := large(t)
	path, o := spoiled(t, img)
	if err := os.Remove(parts.Index(path)); err != nil {
		t.Fatal(err)
	}
	asked, err := recorded(t, create(t, path, o), never, img)
	if err != nil {
		t.Fatal(err)
	}
	want := whole(t, img)
	for h, ranges := range asked {
		if !cmp.Equal(ranges, [][2]int64{{0, -1}}) {
			t.Errorf("of %s asked for %v", h, ranges)
		}
	}
	for _, i := range []int{2, 4, 5} {
		got, err := os.ReadFile(fmt.Sprintf("%s.%03d", path, i))
		if err != nil || !bytes.Equal(got, want[(i-1)*onlySize:min(i*onlySize, len(want))]) {
			t.Errorf("part %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// Where the source has something else by now, the parts that are there stay.
func TestOnlyPartsOfAnother(t *testing.T) {
	path, img := filepath.Join(t.TempDir(), "images.tar"), large(t)
	o := in(1_000_000)
	if _, err := recorded(t, create(t, path, o), never, img); err != nil {
		t.Fatal(err)
	}
	before := inFolder(t, path)
	if err := os.WriteFile(path+".003", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Parts.Only = []int{3}
	for what, other := range map[string]named{
		"another size": {placetest.Image(t, placetest.ImageSpec{Layers: []int{layerBytes, 6000}}), []string{name}},
		"of its size":  {placetest.Image(t, placetest.ImageSpec{Seed: 3, Layers: []int{layerBytes, 5000}}), []string{name}},
	} {
		_, err := recorded(t, create(t, path, o), never, other)
		var cut *archive.CutError
		if !errors.As(err, &cut) || !errors.Is(err, place.ErrInvalid) || !strings.Contains(cut.Hint(), "digest") {
			t.Errorf("%s: %v", what, err)
		}
		if got, err := os.ReadFile(path + ".003"); string(got) != "old" || err != nil || !cmp.Equal(inFolder(t, path), before) {
			t.Errorf("%s: %q, %v, %q", what, got, err, inFolder(t, path))
		}
	}
}
