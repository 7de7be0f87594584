package ui

import (
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0B", 999: "999B", 1000: "1kB", 1234: "1.23kB", 163_900_000: "164MB",
		999_499: "999kB", 999_900: "1MB", 4_000_000_000: "4GB", 1 << 62: "4.61EB", -1500: "-1.5kB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if got := Age(now.AddDate(0, 0, -22), now); got != "3 weeks ago" {
		t.Error(got)
	}
	if got := Age(time.Time{}, now); got != "N/A" {
		t.Error(got)
	}
}

func TestShortDigest(t *testing.T) {
	if got := ShortDigest(v1.Hash{Algorithm: "sha256", Hex: "6c5ed1872d4b4ea68e225681"}); got != "6c5ed1872d4b" {
		t.Error(got)
	}
	if got := ShortDigest(v1.Hash{Hex: "\x1b"}); got != `\x1b` {
		t.Error(got)
	}
}

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Millisecond: "0.4s", 12345 * time.Millisecond: "12.3s", 200 * time.Second: "3m20s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %s, want %s", d, got, want)
		}
	}
	for _, tt := range []struct {
		n         int64
		perSecond float64
		want      string
	}{{330, 10, "33s left"}, {1, 100, "1s left"}, {0, 5, ""}, {5, 0, ""}, {1 << 60, 1, ""}} {
		if got := remaining(tt.n, tt.perSecond); got != tt.want {
			t.Errorf("remaining(%d, %v) = %q, want %q", tt.n, tt.perSecond, got, tt.want)
		}
	}
}
