package arch

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
)

func parseAll(t *testing.T, s string) []Platform {
	t.Helper()
	var parsed []Platform
	for _, word := range strings.Fields(s) {
		parsed = append(parsed, mustParse(t, word))
	}
	return parsed
}

func TestSelect(t *testing.T) {
	tests := []struct {
		entries, want string
		picked        string // empty for none
		fit           Fit
	}{
		{"linux/arm64 linux/amd64", "linux/amd64", "linux/amd64", Exact},
		{"linux/amd64 linux/amd64/v3 linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v3", Exact},
		{"linux/amd64 linux/amd64/v3 linux/amd64/v2", "linux/amd64/v4", "linux/amd64/v3", Compatible},
		{"linux/amd64/v2", "linux/amd64", "", No},
		{"linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux/arm/v8", "linux/arm/v7", Compatible},
		{"linux/arm64 linux/arm64/v8.5 linux/arm64/v8.10 linux/arm64/v8.4", "linux/arm64/v9.1", "linux/arm64/v8.5", Compatible},
		{"linux/386 linux/arm/v7", "linux/amd64", "", No},
		{"linux/amd64:+a linux/amd64:+a+b linux/amd64", "linux/amd64:+a+b", "linux/amd64:+a+b", Exact},
		{"linux/amd64:+a linux/amd64", "linux/amd64", "linux/amd64", Exact},
		{"windows/amd64:10.0.17763.9 windows/amd64:10.0.17763.10 windows/amd64", "windows/amd64:10.0.17763", "windows/amd64:10.0.17763.10", Exact},
		{"windows/amd64:10.0.17763.9 windows/amd64:10.0.17763.10", "windows/amd64:10.0.17763.9", "windows/amd64:10.0.17763.9", Exact},
		{"windows/amd64:10.0.17763.9 windows/amd64:10.0.20348.1", "windows/amd64", "windows/amd64:10.0.20348.1", Exact},
		{"windows/amd64:10.0.17763.9 windows/amd64:10.0.20348.1", "windows/amd64:10.0.26100.1", "windows/amd64:10.0.20348.1", Compatible},
		{"unknown/unknown", "unknown/unknown", "", No},
		{"", "linux/amd64", "", No},
	}
	for _, tt := range tests {
		t.Run(tt.entries+" "+tt.want, func(t *testing.T) {
			entries := parseAll(t, tt.entries)
			i, fit := Select(entries, mustParse(t, tt.want))
			picked := ""
			if i >= 0 {
				picked = entries[i].String()
			}
			if picked != tt.picked || fit != tt.fit {
				t.Errorf("%q, %s; want %q, %s", picked, fit, tt.picked, tt.fit)
			}
		})
	}
}

func TestSelectRunnable(t *testing.T) {
	for _, tt := range []struct {
		entries, machine, picked string
		fit                      Fit
	}{
		{"linux/386 linux/amd64", "linux/amd64/v3", "linux/amd64", Compatible},
		{"linux/arm/v7 linux/386", "linux/amd64/v3", "linux/386", Runs},
		{"linux/arm/v6 linux/arm/v7", "linux/arm64/v8.2", "linux/arm/v7", Runs},
	} {
		entries := parseAll(t, tt.entries)
		if i, fit := SelectRunnable(entries, mustParse(t, tt.machine)); i < 0 || entries[i].String() != tt.picked || fit != tt.fit {
			t.Errorf("%s on %s: %d, %s; want %s, %s", tt.entries, tt.machine, i, fit, tt.picked, tt.fit)
		}
	}
}

// Whatever the order of the entries, the same one is taken; and it is one that containerd puts
// first (which has no opinion about the builds of Windows).
func TestOrderNeverMatters(t *testing.T) {
	pool := append(some(t), Platform{}, Platform{OS: "unknown", Architecture: "unknown"}, Platform{OS: "LINUX", Architecture: "aarch64", Variant: "8"})
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		entries := slices.Clone(pool)
		rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		entries = entries[:1+rnd.IntN(8)]
		want := pool[rnd.IntN(len(pool))]
		first, fit := SelectRunnable(entries, want)
		for range 4 {
			shuffled := slices.Clone(entries)
			rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			again, fitAgain := SelectRunnable(shuffled, want)
			if fit != fitAgain || fit != No && entries[first].Normalize() != shuffled[again].Normalize() {
				t.Fatalf("%v for %s: %d, then %v: %d", entries, want, first, shuffled, again)
			}
		}
		if fit == No || want.OSFeatures != "" {
			continue // containerd's Less is no order where features differ
		}
		theirs := platforms.Only(want.spec())
		for _, entry := range entries {
			if entry.OS != "" && theirs.Match(entry.spec()) && theirs.Less(entry.spec(), entries[first].spec()) {
				t.Fatalf("%v for %s: took %s, containerd prefers %s", entries, want, entries[first], entry)
			}
		}
	}
}

func TestCompareVersions(t *testing.T) {
	sorted := []string{"", "odd", "1.a", "1.2", "1.02.0", "1.2.0", "1.2.1", "1.10", "9", "10", "99999999999999999999999"}
	for i := range sorted {
		for j := range sorted {
			got := compareVersions(sorted[i], sorted[j])
			if got > 0 != (i > j) || got < 0 != (i < j) {
				t.Errorf("%q and %q: %d", sorted[i], sorted[j], got)
			}
		}
	}
}
