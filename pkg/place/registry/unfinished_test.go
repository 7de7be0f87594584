package registry_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place/registry"
)

// TestUploadGoesOnInAnotherRun cuts an upload, gives up, and puts the same again
// with another client: it goes on where that was, if the registry lets it.
func TestUploadGoesOnInAnotherRun(t *testing.T) {
	const size = 9 << 20
	d, b := random(size)
	anew := []string{"POST", "PATCH", "PUT"}
	for what, tt := range map[string]struct {
		u      *uploads
		change func(*uploads) // between the runs
		noted  string         // instead of what was remembered, after the host, if not ""
		want   []string       // what the second run asks
		resume int64
	}{
		"as it was": {
			u:    &uploads{cuts: []int{4 << 20}},
			want: []string{"GET", "PATCH 4194304-9437183", "PUT"}, resume: 4 << 20,
		},
		"with a least chunk": {
			u:      &uploads{cuts: []int{4 << 20}, minChunk: 3 << 20},
			change: func(u *uploads) { u.maxBody = 4 << 20 },
			want:   []string{"GET", "PATCH 4194304-9437183", "GET", "PATCH 4194304-8388607", "PATCH 8388608-9437183", "PUT"}, resume: 4 << 20,
		},
		"the registry has forgotten": {
			u: &uploads{cuts: []int{4 << 20}}, change: func(u *uploads) { clear(u.data) },
			want: append([]string{"GET"}, anew...),
		},
		"the registry does not say": {
			u: &uploads{cuts: []int{4 << 20}}, change: func(u *uploads) { u.noStatus = true },
			want: append([]string{"GET"}, anew...),
		},
		"the registry has other bytes": {
			u: &uploads{cuts: []int{4 << 20}}, change: func(u *uploads) { u.data["/upload/1"][7]++ },
			want: append([]string{"GET", "PATCH 4194304-9437183", "PUT", "HEAD", "DELETE"}, anew...), resume: 4 << 20,
		},
		"somewhere it may not lead": {
			u: &uploads{cuts: []int{4 << 20}}, noted: "0 http://169.254.169.254/latest", want: anew,
		},
		"nonsense": {u: &uploads{cuts: []int{4 << 20}}, noted: "x", want: anew},
	} {
		t.Run(what, func(t *testing.T) {
			host, path := serve(t, tt.u), filepath.Join(t.TempDir(), "uploads")
			to := name(t, host, "a/b:1")
			first := registry.NewClient(registry.Options{Uploads: memo.New(path), Retries: -1})
			if err := first.Repo(to).Put(t.Context(), d, blob.Bytes(b)); err == nil {
				t.Fatal("it was not cut")
			}
			// Not closed: as if it had been killed.
			m := memo.New(path)
			if tt.noted != "" {
				m.Put(host+" a/b "+d.Digest.String(), tt.noted)
			}
			tt.u.mu.Lock() // the cut request may not have ended there
			if tt.change != nil {
				tt.change(tt.u)
			}
			tt.u.seen = nil
			tt.u.mu.Unlock()
			handle, resumed := events(event.Resume)
			second := registry.NewClient(registry.Options{Uploads: m, Events: handle})
			if err := second.Repo(to).Put(t.Context(), d, blob.Bytes(b)); err != nil {
				t.Fatal(err)
			}
			if err := second.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, tt.u.seen); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(tt.u.blobs[d.Digest.String()], b) {
				t.Error("other bytes stand there")
			}
			var n int64
			for _, e := range resumed() {
				n += e.N
			}
			if n != tt.resume {
				t.Errorf("%d bytes are said to have been there", n)
			}
			if left := memo.New(path).Get(host + " a/b " + d.Digest.String()); left != "" {
				t.Errorf("it is still remembered: %q", left)
			}
		})
	}
}
