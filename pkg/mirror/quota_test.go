package mirror_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/place"
)

const host = "docker.io"

func left(n int64, wait time.Duration) event.Event {
	return event.Event{Kind: event.Quota, Name: host, N: n, Total: 100, Wait: wait}
}

func TestQuotaStops(t *testing.T) {
	q := &mirror.Quota{Keep: 10}
	await := func() error {
		return q.Await(t.Context(), host, func(context.Context) { t.Error("asked, without patience") })
	}
	if err := await(); err != nil {
		t.Errorf("nothing is known: %v", err)
	}
	q.Handle(event.Event{Kind: event.Note, Name: host})
	q.Handle(left(11, time.Hour))
	if err := await(); err != nil {
		t.Errorf("11 left: %v", err)
	}
	q.Handle(left(10, time.Hour))
	var e *mirror.QuotaError
	if err := await(); !errors.As(err, &e) || !errors.Is(err, place.ErrUnavailable) || e.Hint() == "" {
		t.Errorf("10 left: %v", err)
	} else if want := "docker.io allows 10 more requests of 100 in 1h0m0s, and 10 are kept: unavailable"; err.Error() != want {
		t.Errorf("%s", err)
	}
	if err := q.Await(t.Context(), "other", nil); err != nil {
		t.Error(err)
	}
	if all := q.All(); len(all) != 1 || all[0].Left != 10 || all[0].Of != 100 {
		t.Errorf("%v", all)
	}
}

func TestQuotaWaits(t *testing.T) {
	var slept []time.Duration
	q := &mirror.Quota{Patience: 12 * time.Minute, Sleep: func(_ context.Context, d time.Duration) error {
		slept = append(slept, d)
		return nil
	}}
	q.Handle(left(0, time.Hour))
	asked := 0
	err := q.Await(t.Context(), host, func(context.Context) {
		if asked++; asked == 1 {
			q.Handle(left(0, 90*time.Second))
		} else {
			q.Handle(left(50, time.Hour))
		}
	})
	if err != nil || len(slept) != 2 || slept[0] != 5*time.Minute || slept[1] != 90*time.Second {
		t.Errorf("%v, slept %v", err, slept)
	}
	q.Handle(left(0, time.Hour))
	var e *mirror.QuotaError
	if err := q.Await(t.Context(), host, func(context.Context) { q.Handle(left(0, time.Hour)) }); !errors.As(err, &e) || len(slept) != 3 {
		t.Errorf("patience has no end: %v, slept %v", err, slept)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Await(ctx, host, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
