package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/placetest"
	dray "github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// counted is a registry that counts requests by what they ask for, and reads of
// manifests against a quota, if it has one.
type counted struct {
	http.Handler
	mu    sync.Mutex
	count map[string]int
	quota int // manifests that may still be read; negative: any number
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := "other"
	for _, k := range []string{"/manifests/", "/blobs/", "/tags/list", "/_catalog"} {
		if strings.Contains(r.URL.Path, k) {
			kind = strings.Trim(k, "/")
		}
	}
	c.mu.Lock()
	c.count[r.Method+" "+kind]++
	spent := false
	if r.Method == http.MethodGet && kind == "manifests" && c.quota >= 0 {
		if spent = c.quota == 0; !spent {
			c.quota--
		}
	}
	if c.quota >= 0 && kind == "manifests" {
		w.Header().Set("RateLimit-Limit", "100;w=21600")
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(c.quota)+";w=21600")
	}
	c.mu.Unlock()
	if spent {
		http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS"}]}`, http.StatusTooManyRequests)
		return
	}
	c.Handler.ServeHTTP(w, r)
}

// take returns what was counted, and starts anew.
func (c *counted) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.count
	c.count = map[string]int{}
	return got
}

// mirrored is two registries, and a folder to run dray in.
type mirrored struct {
	t        *testing.T
	dir      string
	up, down *counted
	upHost   string
	downHost string
}

func newMirrored(t *testing.T) *mirrored {
	m := &mirrored{t: t, dir: t.TempDir()}
	start := func() (*counted, string) {
		c := &counted{Handler: newRegistry(), count: map[string]int{}, quota: -1}
		s := httptest.NewServer(c)
		t.Cleanup(s.Close)
		return c, strings.TrimPrefix(s.URL, "http://")
	}
	m.up, m.upHost = start()
	m.down, m.downHost = start()
	return m
}

// push pushes an image that differs by its seed, and returns its digest.
func (m *mirrored) push(name string, seed uint64) string {
	m.t.Helper()
	c := placetest.Image(m.t, placetest.ImageSpec{Seed: seed, Layers: []int{500}})
	src := new(mem.Place)
	for _, d := range c.Order {
		if err := src.Put(m.t.Context(), d, blob.Bytes(c.Bytes[d.Digest])); err != nil {
			m.t.Fatal(err)
		}
	}
	n, err := ref.ParseName(m.upHost + "/" + name)
	if err != nil {
		m.t.Fatal(err)
	}
	client := dray.NewClient(dray.Options{})
	reqs := []transfer.Request{{Source: src, Root: c.Root, Names: []string{n.Tag}}}
	if _, err := transfer.Copy(context.Background(), client.Repo(n), reqs, transfer.Options{}); err != nil {
		m.t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		m.t.Fatal(err)
	}
	return c.Root.Digest.String()
}

// sync runs dray sync of everything in app, and returns what it says and its exit code.
func (m *mirrored) sync(args ...string) (out, said string, code int) {
	m.t.Helper()
	file := filepath.Join(m.dir, "mirror.yaml")
	text := fmt.Sprintf("version: 1\nto: %s/mirror\nimages: [{from: %s/app}]\n", m.downHost, m.upHost)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	cmd := command(m.dir, append([]string{"sync", "-f", file, "--retries", "0"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	m.up.quotaLog(m.t)
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

func (c *counted) quotaLog(t *testing.T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Log(c.count)
}

// TestSyncCosts: a second run asks once for each tag, and lists each repository
// once; without memory the destination is asked too.
func TestSyncCosts(t *testing.T) {
	const tags = 30
	m := newMirrored(t)
	for i := range tags {
		m.push(fmt.Sprintf("app:1.%d", i), uint64(i))
	}
	if out, said, code := m.sync(); code != 0 || strings.Count(out, "\n") != tags {
		t.Fatalf("%d: %s%s", code, out, said)
	}
	m.up.take()
	m.down.take()
	out, said, code := m.sync()
	if code != 0 || out != "" || !strings.Contains(said, "0 copied, 30 the same") || strings.Contains(said, "moved 0B") {
		t.Errorf("%d: %s%s", code, out, said)
	}
	up, down := m.up.take(), m.down.take()
	if up["HEAD manifests"] != tags || up["GET tags/list"] != 1 || len(up) != 3 || up["GET other"] > 2 {
		t.Errorf("the source was asked %v", up)
	}
	if down["GET tags/list"] != 1 || len(down) > 2 || down["GET other"] > 2 {
		t.Errorf("the destination was asked %v", down)
	}
	if err := os.RemoveAll(filepath.Join(m.dir, "home")); err != nil {
		t.Fatal(err)
	}
	if _, said, code := m.sync(); code != 0 || !strings.Contains(said, "30 the same") {
		t.Errorf("%d: %s", code, said)
	}
	if down := m.down.take(); down["HEAD manifests"] != tags || down["GET manifests"] != 0 {
		t.Errorf("without memory the destination was asked %v", down)
	}
}

// TestSyncTakesSignaturesAlong: what cosign puts beside an image follows it, also when
// it comes later, and goes with it.
func TestSyncTakesSignaturesAlong(t *testing.T) {
	m := newMirrored(t)
	digest := m.push("app:1", 1)
	m.push("app:"+strings.Repeat("f", 8), 2)
	if out, said, code := m.sync(); code != 0 {
		t.Fatalf("%d: %s%s", code, out, said)
	}
	signature := strings.Replace(digest, ":", "-", 1) + ".sig"
	m.push("app:"+signature, 3)
	m.push("app:sha256-"+strings.Repeat("0", 64)+".sig", 4) // of nothing that is taken
	if out, said, code := m.sync("--no-referrers"); code != 0 || out != "" {
		t.Errorf("%d: %s%s", code, out, said)
	}
	out, said, code := m.sync()
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, signature) {
		t.Errorf("%d: %s%s", code, out, said)
	}
	if out, _, _ := m.sync("--delete"); out != "" {
		t.Errorf("removed what belongs to images: %s", out)
	}
}

// TestSyncStopsAtTheQuota: what the registry still allows is used, and not more.
func TestSyncStopsAtTheQuota(t *testing.T) {
	m := newMirrored(t)
	for i := range 6 {
		m.push(fmt.Sprintf("app:1.%d", i), uint64(i))
	}
	m.up.take()
	m.up.quota = 3
	out, said, code := m.sync("--images", "1")
	if code != 6 || strings.Count(out, "\n") != 3 || !strings.Contains(said, "allows 0 more requests of 100 in 6h0m0s: unavailable") {
		t.Errorf("%d: %s%s", code, out, said)
	}
	if up := m.up.take(); up["GET manifests"] != 3 {
		t.Errorf("asked for %d manifests", up["GET manifests"])
	}
	m.up.quota = 100
	if out, said, code := m.sync("--keep-quota", "98", "--images", "1"); code != 6 || strings.Count(out, "\n") != 2 {
		t.Errorf("%d: %s%s", code, out, said)
	}
	if out, said, code := m.sync("--images", "1"); code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(said, "allows 97 more requests of 100") {
		t.Errorf("%d: %s%s", code, out, said)
	}
}

// TestSyncGoesOn: an image that cannot be read holds up no other, in an archive neither,
// whose older images stay.
func TestSyncGoesOn(t *testing.T) {
	m := newMirrored(t)
	m.push("app:1", 1)
	archive := filepath.Join(m.dir, "all.tar")
	if out, said, code := m.sync("--to", archive); code != 0 || strings.Count(out, "\n") != 1 {
		t.Fatalf("%d: %s%s", code, out, said)
	}
	m.push("app:2", 2)
	whole := m.up.Handler
	m.push("app:3", 3)
	m.up.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/manifests/3") || strings.HasSuffix(r.URL.Path, "/manifests/1") {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		whole.ServeHTTP(w, r)
	})
	for _, to := range []string{archive, m.downHost + "/mirror", "oci:" + filepath.Join(m.dir, "layout")} {
		out, said, code := m.sync("--to", to)
		if code != 6 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "app:2@") || !strings.Contains(said, "2 failed") {
			t.Errorf("%d: %s%s", code, out, said)
		}
	}
	tags, err := command(m.dir, "tags", archive).Output()
	if err != nil || strings.Count(string(tags), "\n") != 2 {
		t.Errorf("%v: the archive holds %s", err, tags)
	}
}
