package inspect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/inspect"
	"github.com/dray-oci/dray/pkg/place"
)

func TestHistory(t *testing.T) {
	did := v1.History{CreatedBy: "RUN"}
	set := v1.History{CreatedBy: "ENV", EmptyLayer: true}
	for name, tt := range map[string]struct {
		history []v1.History
		layers  []string
		want    string // newest first: what did it, and how large its layer is
		noted   bool
	}{
		"aligned":         {[]v1.History{did, set, did, set}, []string{"a", "bb"}, "ENV:0 RUN:2 ENV:0 RUN:1", false},
		"no history":      {nil, []string{"a", "bb"}, ":2 :1", false},
		"no layers":       {[]v1.History{set}, nil, "ENV:0", false},
		"too few entries": {[]v1.History{did}, []string{"a", "bb"}, ":2 RUN:1", true},
		"too few layers":  {[]v1.History{did, did}, []string{"a"}, "RUN:0 RUN:1", true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t)
			c := config(amd64, 0)
			c.History = tt.history
			o := want(t)
			text := noting(&o)
			steps, err := inspect.History(t.Context(), m, m.image(c, tt.layers...), o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range steps {
				got = append(got, fmt.Sprintf("%s:%d", s.CreatedBy, s.Size))
				if (s.Size > 0) != (s.Digest.Hex != "") {
					t.Errorf("%+v", s)
				}
			}
			if g := strings.Join(got, " "); g != tt.want {
				t.Errorf("%s, want %s", g, tt.want)
			}
			if noted := *text != ""; noted != tt.noted {
				t.Errorf("noted %q", *text)
			}
		})
	}
}

func TestHistoryOfArtifact(t *testing.T) {
	m := newMaker(t)
	doc := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: m.put("application/x.config", []byte("{}")), Layers: []v1.Descriptor{},
	}
	if _, err := inspect.History(t.Context(), m, m.put(doc.MediaType, doc), want(t)); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}
