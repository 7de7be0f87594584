package wire

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/event"
)

func TestQuota(t *testing.T) {
	for header, want := range map[string]event.Event{
		"76;w=21600": {N: 76, Wait: 6 * time.Hour},
		" 5 ; w=60 ": {N: 5, Wait: time.Minute},
		"0":          {},
	} {
		n, window, ok := quota(header)
		if !ok || n != want.N || window != want.Wait {
			t.Errorf("%q: %d, %v, %v", header, n, window, ok)
		}
	}
	for _, header := range []string{"", "-1;w=6", "many", "99999999999"} {
		if n, _, ok := quota(header); ok {
			t.Errorf("%q: %d", header, n)
		}
	}
}

func TestQuotaIsTold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		want   event.Event
	}{
		{"left", 200, http.Header{"Ratelimit-Limit": {"100;w=21600"}, "Ratelimit-Remaining": {"76;w=21600"}}, event.Event{N: 76, Total: 100, Wait: 6 * time.Hour}},
		{"refused", 429, http.Header{"Retry-After": {"90"}}, event.Event{Wait: 90 * time.Second}},
		{"refused, and no word when", 429, nil, event.Event{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := server(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				for k := range tt.header {
					w.Header().Set(k, tt.header.Get(k))
				}
				w.WriteHeader(tt.status)
			})
			var l log
			_, _ = read(t, host(t, u, Options{Events: l.handle, Retries: -1, Now: now}), get("/x"))
			told := l.all(event.Quota)
			if len(told) != 1 {
				t.Fatalf("told %v", told)
			}
			got := told[0]
			got.Name, got.Kind = "", ""
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(event.Event{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
