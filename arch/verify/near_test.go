package verify_test

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/pkg/place"
)

// What a near place has is read there; the source is asked, and its word counts.
func TestNear(t *testing.T) {
	s, near := newStore(t), newStore(t)
	sp := app("", "linux/amd64", "amd64")
	root := s.images(sp)
	near.images(sp)
	layer := s.manifestOf(r0(s, root)).Layers[0]
	good := []byte("not asked for its content")
	for len(good) < int(layer.Size) {
		good = append(good, 'x')
	}
	s.wrong[layer.Digest] = good // of the right size: only the copy can be read
	if r := s.run(root, verify.Options{Near: near}); verdicts(r) != "OK" || r.Layers.Read != 1 {
		t.Error(dump(r))
	}
	s.wrong[layer.Digest] = []byte("short")
	if r := s.run(root, verify.Options{Near: near}); verdicts(r) != "CORRUPT" {
		t.Error(dump(r))
	}
	s.gone[layer.Digest] = place.ErrNotFound
	if r := s.run(root, verify.Options{Near: near}); verdicts(r) != "MISSING" {
		t.Error(dump(r))
	}
	s.gone, s.wrong = nil, map[v1.Hash][]byte{}
	near.wrong[layer.Digest] = []byte("a bad copy is not the image's fault")
	if r := s.run(root, verify.Options{Near: near}); verdicts(r) != "OK" || !r.OK {
		t.Error(dump(r))
	}
}
