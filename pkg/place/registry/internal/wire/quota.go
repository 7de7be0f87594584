package wire

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dray-oci/dray/pkg/event"
)

// tellQuota tells how many requests the registry says that it will still answer:
// in the headers that Docker Hub sends, "ratelimit-remaining: 76;w=21600", or by
// refusing one.
func (h *Host) tellQuota(resp *http.Response) {
	left, window, ok := quota(resp.Header.Get("RateLimit-Remaining"))
	e := event.Event{Kind: event.Quota, Name: h.name, N: left, Wait: window}
	e.Total, _, _ = quota(resp.Header.Get("RateLimit-Limit"))
	if resp.StatusCode == http.StatusTooManyRequests {
		e.N, ok = 0, true
		if at := retryAt(resp.Header.Get("Retry-After"), h.o.Now()); !at.IsZero() {
			e.Wait = max(0, at.Sub(h.o.Now()))
		}
	}
	if ok {
		h.o.Events.Emit(e)
	}
}

// quota reads "76;w=21600": a number, and the seconds for which it is allowed.
func quota(header string) (n int64, window time.Duration, ok bool) {
	first, rest, _ := strings.Cut(header, ";")
	n, err := strconv.ParseInt(strings.TrimSpace(first), 10, 32)
	if err != nil || n < 0 {
		return 0, 0, false
	}
	for param := range strings.SplitSeq(rest, ";") {
		if w, is := strings.CutPrefix(strings.TrimSpace(param), "w="); is {
			if s, err := strconv.ParseInt(w, 10, 32); err == nil && s >= 0 {
				window = time.Duration(s) * time.Second
			}
		}
	}
	return n, window, true
}
