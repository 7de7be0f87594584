package verify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/place"
)

func (s *store) commit(d v1.Descriptor, names ...string) {
	s.Helper()
	if err := s.Commit(context.Background(), d, names...); err != nil {
		s.Fatal(err)
	}
}

// needs runs Children and says each child as role, platform, tags and whether it is lost.
func needs(t *testing.T, s place.Source, names []string) (*verify.Needs, []string) {
	t.Helper()
	n, err := verify.Children(t.Context(), s, names, verify.Options{Reference: "repo"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range n.Children {
		lines = append(lines, fmt.Sprint(c.Role, " ", c.Platform, " ", c.NeededBy, " ", c.Lost))
	}
	slices.Sort(lines)
	return n, lines
}

func TestChildren(t *testing.T) {
	s := newStore(t)
	amd, arm := s.image(app("", "linux/amd64", "amd64")), s.image(app("", "linux/arm64", "arm64"))
	attestation := s.image(spec{config: "linux/amd64", index: "none", annotations: map[string]string{"vnd.docker.reference.digest": amd.Digest.String()}})
	blob := s.put("text/plain", []byte("blob"))
	inner := s.index(arm)
	s.commit(s.index(amd, attestation, blob), "1.0", "latest")
	s.commit(s.index(amd, inner, inner), "2.0")
	s.commit(arm, "arm")
	n, lines := needs(t, s, nil)
	want := []string{
		"attestation  [1.0 latest] false", "index  [2.0] false", "other  [1.0 latest] false",
		"platform linux/amd64 [1.0 2.0 latest] false", "platform linux/arm64 [2.0] false",
	}
	if !slices.Equal(lines, want) || n.Tags != 4 || n.Indexes != 3 || n.Lost != 0 || len(n.LostTags) != 0 {
		t.Errorf("%+v %q", n, lines)
	}
	s.gone[arm.Digest], s.gone[blob.Digest] = place.ErrNotFound, place.ErrNotFound
	n, lines = needs(t, s, []string{"2.0", "1.0", "arm"})
	want = []string{
		"attestation  [1.0] false", "index  [2.0] false", "other  [1.0] true",
		"platform linux/amd64 [1.0 2.0] false", "platform linux/arm64 [2.0] true",
	}
	if !slices.Equal(lines, want) || n.Lost != 2 || !slices.Equal(n.LostTags, []string{"arm"}) {
		t.Errorf("%+v %q", n, lines)
	}
	s.gone[amd.Digest] = place.ErrUnavailable
	if _, err := verify.Children(t.Context(), s, nil, verify.Options{}); !errors.Is(err, place.ErrUnavailable) {
		t.Error(err)
	}
}

// Indexes that go on for ever, and places that list nothing.
func TestChildrenBounds(t *testing.T) {
	s := newStore(t)
	d := s.put(types.OCIImageIndex, []byte(`{"schemaVersion":2,"manifests":[]}`))
	for range 20 {
		d = s.index(d)
	}
	s.commit(d, "deep")
	if _, err := verify.Children(t.Context(), s, nil, verify.Options{}); !errors.Is(err, place.ErrInvalid) {
		t.Error(err)
	}
	if _, err := verify.Children(t.Context(), struct{ place.Source }{s}, nil, verify.Options{}); !errors.Is(err, place.ErrUnsupported) {
		t.Error(err)
	}
}
