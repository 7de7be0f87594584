package inspect_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/place"
)

// lacking is a store without some of its content.
type lacking struct {
	maker
	gone []v1.Hash
	err  error
}

func (l lacking) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	if slices.Contains(l.gone, d.Digest) {
		return false, l.err
	}
	return l.maker.Has(ctx, d)
}

func everything(place.Entry) bool { return true }

func TestList(t *testing.T) {
	m := newMaker(t)
	root, amd, _ := two(m)
	newer := config(arm64, 1)
	newer.Created.Time = noon.AddDate(1, 0, 0)
	arm := m.image(newer, "layer")
	m.commit(arm, "again")
	m.commit(arm, "one")
	m.commit(amd, "@"+amd.Digest.String())

	all, err := inspect.List(t.Context(), m, func(e place.Entry) bool { return e.Name != "again" })
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].Name != "" || all[1].Name != "one" || all[2].Name != "two" {
		t.Fatalf("%+v", all)
	}
	if h := all[1]; h.Digest != arm.Digest || !h.Created.Equal(newer.Created.Time) || !slices.Equal(h.Platforms, []string{"linux/arm64"}) || h.Damage != "" {
		t.Errorf("%+v", h)
	}
	h := all[2]
	r, err := inspect.Look(t.Context(), m, root, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The attestation is there too, and is no platform.
	if !slices.Equal(h.Platforms, []string{"linux/amd64", "linux/arm64"}) || h.Size <= r.TotalSize {
		t.Errorf("%+v; the platforms alone have %d bytes", h, r.TotalSize)
	}
}

// An index may be kept without some of its platforms; anything else that is
// missing is damage.
func TestListWhatIsMissing(t *testing.T) {
	m := newMaker(t)
	root, amd, arm := two(m)
	r, err := inspect.Look(t.Context(), m, root, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layer := r.Images[1].Layers[1].Digest
	for name, tt := range map[string]struct {
		gone      v1.Hash
		platforms string
		damage    string
	}{
		"platform": {arm.Digest, "linux/amd64", ""},
		"layer":    {layer, "linux/amd64 linux/arm64", layer.String()},
		"config":   {r.Images[0].ConfigDescriptor.Digest, "linux/arm64", r.Images[0].ConfigDescriptor.Digest.String()},
		"root":     {root.Digest, "", root.Digest.String()},
	} {
		all, err := inspect.List(t.Context(), lacking{maker: m, gone: []v1.Hash{tt.gone}}, everything)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %+v, %v", name, all, err)
			continue
		}
		h := all[0]
		if strings.Join(h.Platforms, " ") != tt.platforms || !strings.Contains(h.Damage, tt.damage) || (h.Damage == "") != (tt.damage == "") {
			t.Errorf("%s: %+v", name, h)
		}
	}
	broken := errors.New("broken disk")
	if _, err := inspect.List(t.Context(), lacking{maker: m, gone: []v1.Hash{amd.Digest}, err: broken}, everything); !errors.Is(err, broken) {
		t.Errorf("a store that cannot be read: %v", err)
	}
}

func TestListDamagedManifest(t *testing.T) {
	m := newMaker(t)
	bad := m.put("application/vnd.oci.image.manifest.v1+json", []byte("{"))
	m.commit(bad, "bad")
	good := m.commit(m.image(config(amd64, 0)), "good")
	all, err := inspect.List(t.Context(), m, everything)
	if err != nil || len(all) != 2 || all[0].Damage == "" || all[1].Damage != "" || all[1].Digest != good.Digest {
		t.Errorf("%+v, %v", all, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inspect.List(ctx, m, everything); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
