package inspect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func TestDigests(t *testing.T) {
	m := newMaker(t)
	root, amd, arm := two(m)
	for _, tt := range []struct {
		root      v1.Descriptor
		platforms []string
		want      []v1.Hash
	}{
		{root, nil, []v1.Hash{root.Digest}},
		{root, []string{"all"}, []v1.Hash{root.Digest}},
		{root, []string{"linux/arm64"}, []v1.Hash{arm.Digest}},
		{root, []string{"linux/arm64", "local"}, []v1.Hash{amd.Digest, arm.Digest}},
		{arm, []string{"linux/arm64"}, []v1.Hash{arm.Digest}},
	} {
		var got []v1.Hash
		found, err := inspect.Digests(t.Context(), m, tt.root, want(t, tt.platforms...))
		for _, d := range found {
			got = append(got, d.Digest)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, %v", tt.platforms, got, err)
		}
	}
	// With nothing asked for nothing is read, not even the root.
	nowhere := manifest.Describe(types.OCIManifestSchema1, []byte("nowhere"))
	if got, err := inspect.Digests(t.Context(), m, nowhere, inspect.Options{}); err != nil || got[0].Digest != nowhere.Digest {
		t.Errorf("%v, %v", got, err)
	}
}

func TestManifest(t *testing.T) {
	m := newMaker(t)
	root, _, arm := two(m)
	for want, o := range map[v1.Hash]inspect.Options{root.Digest: {}, arm.Digest: want(t, "linux/arm64")} {
		doc, err := inspect.Manifest(t.Context(), m, root, o)
		if err != nil || manifest.Describe("", doc.Raw).Digest != want {
			t.Errorf("%v, %v", doc, err)
		}
	}
	if _, err := inspect.Manifest(t.Context(), m, root, want(t, "linux/amd64,linux/arm64")); !errors.Is(err, inspect.ErrSeveral) {
		t.Errorf("two platforms: %v", err)
	}
	if _, err := inspect.Manifest(t.Context(), m, arm, want(t, "linux/amd64")); !errors.As(err, new(*arch.MissingError)) {
		t.Errorf("another platform: %v", err)
	}
}

func TestConfig(t *testing.T) {
	m := newMaker(t)
	root, amd, arm := two(m)
	one := m.index("one", arm)
	for name, tt := range map[string]struct {
		root v1.Descriptor
		o    inspect.Options
		want string // architecture
		note string
	}{
		"image":                  {amd, want(t), "amd64", ""},
		"host of index":          {root, want(t), "amd64", "this is linux/amd64; there are also linux/arm64"},
		"asked for":              {root, want(t, "linux/arm64"), "arm64", ""},
		"the only one of index":  {one, want(t), "arm64", ""},
		"all, of which is one":   {one, want(t, "all"), "arm64", ""},
		"not this host's, alone": {arm, want(t), "arm64", ""},
	} {
		text := noting(&tt.o)
		s, err := inspect.Config(t.Context(), m, tt.root, tt.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Config.Architecture != tt.want || strings.TrimSpace(*text) != tt.note {
			t.Errorf("%s: %s, noted %q", name, s.Config.Architecture, *text)
		}
		if manifest.Describe("", s.Raw).Digest != s.Manifest.Image.Config.Digest {
			t.Errorf("%s: other bytes", name)
		}
	}
	// A root of which nothing fits the host is not silently replaced.
	none := m.index("none", arm, on(m.image(config(s390x, 0)), s390x))
	if _, err := inspect.Config(t.Context(), m, none, want(t)); !errors.As(err, new(*arch.MissingError)) {
		t.Errorf("none for the host: %v", err)
	}
	if _, err := inspect.Config(t.Context(), m, arm, want(t, "linux/s390x")); !errors.As(err, new(*arch.MissingError)) {
		t.Errorf("another platform than the image's: %v", err)
	}
	if _, err := inspect.Config(t.Context(), m, m.index("empty"), want(t)); !errors.Is(err, place.ErrNotFound) {
		t.Errorf("empty index: %v", err)
	}
	if _, err := inspect.Config(t.Context(), m, root, want(t, "all")); !errors.Is(err, inspect.ErrSeveral) {
		t.Errorf("all: %v", err)
	}
}
