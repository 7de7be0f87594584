package ui

import (
	"fmt"
	"math"
	"time"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Size returns n bytes as docker writes them: decimal, three digits, "164MB".
func Size(n int64) string {
	v, unit := float64(n), 0
	names := [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	// 999.5 is rounded to 1000, which three digits cannot show.
	for math.Abs(v) >= 999.5 && unit < len(names)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.3g%s", v, names[unit])
}

// Age returns how long before now t was: "3 weeks ago". The zero time is "N/A".
func Age(t, now time.Time) string {
	if t.IsZero() {
		return "N/A"
	}
	return units.HumanDuration(now.Sub(t)) + " ago"
}

// ShortDigest returns the first twelve digits of h, as docker's image IDs.
func ShortDigest(h v1.Hash) string {
	return Quote(h.Hex[:min(12, len(h.Hex))])
}

// rate returns bytes per second, "85MB/s".
func rate(perSecond float64) string { return Size(int64(perSecond)) + "/s" }

// seconds returns d as people read a stopwatch: "0.4s", "12.3s", "3m20s".
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// remaining returns how long n bytes take at perSecond: "33s left"; empty where
// nothing can be said.
func remaining(n int64, perSecond float64) string {
	const longest = 100 * time.Hour
	if n <= 0 || perSecond < 1 || float64(n)/perSecond > longest.Seconds() {
		return ""
	}
	d := time.Duration(float64(n) / perSecond * float64(time.Second))
	return max(d.Round(time.Second), time.Second).String() + " left"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
