package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	"github.com/dray-oci/dray/pkg/transfer"
)

// counted are the bytes that a copy moves, resumes and skips.
func counted(rec *recorder) (moved, resumed, skipped int64) {
	for _, e := range rec.events {
		switch e.Kind {
		case event.Bytes:
			moved += e.N
		case event.Resume:
			resumed += e.N
		case event.Skip:
			skipped += e.Blob.Size
		}
	}
	return moved, resumed, skipped
}

// TestPlanIsWhatCopyDoes plans and copies the same to several kinds of sinks, from
// nothing and with some of it there already.
func TestPlanIsWhatCopyDoes(t *testing.T) {
	dir := t.TempDir()
	half := new(mem.Place)
	for i, d := range three(t).Order {
		if i%2 == 0 && i < 6 {
			if err := half.Put(t.Context(), d, blob.Bytes(three(t).Bytes[d.Digest])); err != nil {
				t.Fatal(err)
			}
		}
	}
	newArchive := func() place.Sink {
		w, err := archive.Create(filepath.Join(dir, "a.tar"), archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, tt := range []struct {
		name string
		sink func() place.Sink
	}{
		{"empty", func() place.Sink { return new(mem.Place) }},
		{"half full", func() place.Sink { return half }},
		{"full by now", func() place.Sink { return half }},
		{"archive", newArchive},
		{"archive that stands", newArchive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reqs, sink, o := some(t), tt.sink(), transfer.Options{KeepGoing: true}
			reqs = slices.Delete(reqs, 2, 4) // which fail while they are copied: that cannot be known
			plan, err := transfer.Plan(t.Context(), sink, reqs, o)
			var failed *transfer.FailedError
			if !errors.As(err, &failed) || len(failed.Errs) != 1 || plan.Images[1].Err == nil {
				t.Fatalf("%+v, %v", plan, err)
			}
			rec := new(recorder)
			o.Events = rec.handle
			if _, err := transfer.Copy(t.Context(), sink, reqs, o); !errors.As(err, &failed) {
				t.Fatal(err)
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			moved, _, skipped := counted(rec)
			if a := plan.Total; a.Move != moved || a.Present != skipped || a.Bytes != a.Move+a.Present+a.Shared {
				t.Errorf("%+v foretold, %d moved, %d skipped", a, moved, skipped)
			}
			if h := plan.Images[2].Holds; len(h) != 1 || h[0].Architecture != "arm64" || len(plan.Images[0].Holds) != 1 {
				t.Errorf("platforms %v, %v", h, plan.Images[0].Holds)
			}
			if len(plan.Sinks) == 1 {
				if fi, err := os.Stat(filepath.Join(dir, "a.tar")); err != nil || fi.Size() != plan.Sinks[0].Size {
					t.Errorf("%d bytes foretold, %v, %v", plan.Sinks[0].Size, fi, err)
				}
			}
		})
	}
}

// TestPlanAfterACut knows what an interrupted run has left, and leaves it alone.
func TestPlanAfterACut(t *testing.T) {
	c := placetest.Image(t, placetest.ImageSpec{Layers: []int{5 << 20, 1000}})
	path := filepath.Join(t.TempDir(), "a.tar")
	create := func() *archive.Writer {
		w, err := archive.Create(path, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	req := []transfer.Request{{Source: load(t, "a", c), Name: "a", Names: []string{"example.com/a:1"}}}
	ctx, cancel := context.WithCancel(t.Context())
	w := create()
	_, err := transfer.Copy(ctx, w, req, transfer.Options{Events: func(e event.Event) {
		if e.Kind == event.Done && e.Blob.Size > 5<<20 {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("it was not cut")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path + ".partial.journal")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := transfer.Plan(t.Context(), create(), req, transfer.Options{})
	if err != nil || plan.Total.Resume < 5<<20 || plan.Total.Resume+plan.Total.Move != plan.Total.Bytes {
		t.Errorf("%+v, %v", plan.Total, err)
	}
	if need := plan.Sinks[0].Need; need > 5<<20 {
		t.Errorf("%d bytes are needed", need)
	}
	if after, err := os.ReadFile(path + ".partial.journal"); err != nil || string(after) != string(before) {
		t.Errorf("the journal has changed: %v", err)
	}
}

// TestPlanOfManySinks says what is mounted: nothing of it is put.
func TestPlanOfManySinks(t *testing.T) {
	puts := new(atomic.Int64)
	var reqs []transfer.Request
	for i := range 3 {
		c := placetest.Image(t, placetest.ImageSpec{Layers: []int{1000, 2000 + i}})
		reqs = append(reqs, transfer.Request{Source: load(t, "a", c), Name: "a", To: &house{new(mem.Place), puts}, Names: []string{fmt.Sprint(i)}})
	}
	plan, err := transfer.Plan(t.Context(), nil, reqs, transfer.Options{})
	if err != nil || puts.Load() != 0 {
		t.Fatal(puts.Load(), err)
	}
	if plan.Images[0].Amounts.Move != plan.Images[0].Amounts.Bytes {
		t.Errorf("the first: %+v", plan.Images[0].Amounts)
	}
	rec := new(recorder)
	if _, err := transfer.Copy(t.Context(), nil, reqs, transfer.Options{Events: rec.handle}); err != nil {
		t.Fatal(err)
	}
	moved, _, skipped := counted(rec)
	if a := plan.Total; a.Shared < 2000 || a.Move != moved || a.Shared != skipped {
		t.Errorf("%+v foretold, %d moved, %d mounted", a, moved, skipped)
	}
}

// silent is a sink that cannot be asked.
type silent struct{ *mem.Place }

func (silent) Has(context.Context, v1.Descriptor) (bool, error) { return false, place.ErrUnavailable }

func TestPlanKeepsGoing(t *testing.T) {
	c := three(t)
	reqs := []transfer.Request{
		{Source: load(t, "a", c), Name: "a", To: silent{new(mem.Place)}, Names: []string{"x"}},
		{Source: load(t, "a", c), Name: "a", To: new(mem.Place), Names: []string{"x"}},
	}
	if _, err := transfer.Plan(t.Context(), nil, reqs, transfer.Options{}); !errors.Is(err, place.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	plan, err := transfer.Plan(t.Context(), nil, reqs, transfer.Options{KeepGoing: true})
	var failed *transfer.FailedError
	if !errors.As(err, &failed) || plan.Images[0].Err == nil || plan.Images[1].Amounts.Move != plan.Images[1].Bytes() {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestPlanNeedsForesight(t *testing.T) {
	req := []transfer.Request{{Source: load(t, "a", three(t)), Name: "a"}}
	if _, err := transfer.Plan(t.Context(), planner{new(mem.Place)}, req, transfer.Options{}); !errors.Is(err, place.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func ExamplePlan() {
	ctx, src := context.Background(), new(mem.Place)
	raw := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	root := manifest.Describe(types.OCIImageIndex, raw)
	if err := src.Put(ctx, root, blob.Bytes(raw)); err != nil {
		fmt.Println(err)
	}
	plan, err := transfer.Plan(ctx, new(mem.Place), []transfer.Request{{Source: src, Root: root, Names: []string{"there"}}}, transfer.Options{})
	fmt.Println(plan.Total.Move, err)
	// Output: 88 <nil>
}
