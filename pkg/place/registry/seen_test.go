package registry_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/registry"
)

// TestMountWhatWasSeen: what one run has read from a repository, another mounts
// from there, wherever it comes from then.
func TestMountWhatWasSeen(t *testing.T) {
	m := &mounting{Handler: embedded()}
	host, other := serve(t, m), serve(t, m)
	path := filepath.Join(t.TempDir(), "seen")
	run := func() *registry.Client { return registry.NewClient(registry.Options{Seen: memo.New(path)}) }
	end := func(c *registry.Client) {
		t.Helper()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	d, b := random(100_000)
	small, few := random(1000)
	c := run()
	base := c.Repo(name(t, host, "base:1"))
	for _, err := range []error{base.Put(t.Context(), d, blob.Bytes(b)), base.Put(t.Context(), small, blob.Bytes(few))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	end(c)
	for _, tt := range []struct {
		host, repository string
		want             bool
	}{
		{host, "app:1", true}, {host, "base:1", false}, {other, "app:1", false},
	} {
		c, before := run(), len(m.asked)
		got, err := c.Repo(name(t, tt.host, tt.repository)).Mount(t.Context(), d, new(mem.Place))
		if err != nil || got != tt.want || len(m.asked) > before != tt.want {
			t.Errorf("%s at %s: %v, %v, asked for %q", tt.repository, tt.host, got, err, m.asked)
		}
		if tt.host == host && tt.repository == "app:1" {
			if got, err := c.Repo(name(t, host, "app:1")).Mount(t.Context(), small, new(mem.Place)); err != nil || got {
				t.Errorf("a small one: %v, %v", got, err)
			}
		}
		// Not saved, or app would be where it was seen last.
	}
	c = run()
	rc, err := c.Repo(name(t, host, "base:1")).Open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
	end(c)
	m.asked = nil
	c = run()
	m.refuse = 403
	if got, err := c.Repo(name(t, host, "closed:1")).Mount(t.Context(), d, new(mem.Place)); err != nil || got {
		t.Errorf("refused: %v, %v", got, err)
	}
	if !slices.Equal(m.asked, []string{"base"}) {
		t.Errorf("asked for %q", m.asked)
	}
	end(c)
}
