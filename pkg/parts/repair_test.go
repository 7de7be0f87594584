package parts_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

// faults are what is wrong with a set, as name and kind.
func faults(err error) []string {
	var bad *parts.FaultsError
	if !errors.As(err, &bad) {
		return nil
	}
	var names []string
	for _, f := range bad.Faults {
		names = append(names, f.Part.Name+" "+f.Kind)
	}
	return names
}

type spoils map[string]func(t *testing.T, path string)

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
}

var faultTests = map[string]struct {
	spoil spoils
	open  []string // found at once
	check []string // found by reading
	is    error
}{
	"nothing": {},
	"damaged": {spoil: spoils{"x.tar.002": flip}, check: []string{"x.tar.002 content"}, is: place.ErrInvalid},
	"missing": {
		spoil: spoils{"x.tar.004": remove}, is: place.ErrNotFound,
		open: []string{"x.tar.004 missing"}, check: []string{"x.tar.004 missing"},
	},
	"cut, and parity lost": {
		spoil: spoils{"x.tar.001": truncate, "x.tar.p01": remove}, is: place.ErrInvalid,
		open: []string{"x.tar.001 size"}, check: []string{"x.tar.001 size", "x.tar.p01 missing"},
	},
	"more than parity": {
		spoil: spoils{"x.tar.001": flip, "x.tar.003": flip, "x.tar.p02": flip}, is: place.ErrInvalid,
		check: []string{"x.tar.001 content", "x.tar.003 content", "x.tar.p02 content"},
	},
}

func TestFaults(t *testing.T) {
	content := random(10_000)
	for name, tt := range faultTests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			index := write(t, dir, content, 3000, 2)
			before := read(t, dir)
			for name, spoil := range tt.spoil {
				spoil(t, filepath.Join(dir, name))
			}
			s, err := parts.Open(index)
			if diff := cmp.Diff(tt.open, faults(err)); diff != "" {
				t.Errorf("Open: %v\n%s", err, diff)
			}
			if err == nil {
				err = s.Close()
			}
			if tt.open == nil && err != nil {
				t.Error(err)
			}
			_, err = parts.Check(t.Context(), index, nil)
			if diff := cmp.Diff(tt.check, faults(err)); diff != "" {
				t.Errorf("Check: %v\n%s", err, diff)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Check: %v", err)
			}
			made, err := parts.Repair(t.Context(), index, nil)
			if len(tt.check) > 2 {
				if faults(err) == nil {
					t.Errorf("Repair: %v", err)
				}
				return
			}
			if err != nil || len(made) != len(tt.check) {
				t.Errorf("Repair: %v, %v", made, err)
			}
			if diff := cmp.Diff(before, read(t, dir)); diff != "" {
				t.Errorf("after the repair: %s", diff)
			}
		})
	}
}

func TestFaultsAreNamed(t *testing.T) {
	fault := func(n int, parity bool) *parts.Fault {
		return &parts.Fault{Part: parts.Part{Name: fmt.Sprintf("x.%d", n)}, Number: n, Of: 20, Parity: parity, Kind: parts.Missing, Err: errors.New("gone")}
	}
	e := &parts.FaultsError{Index: "x.parts.json", Data: 20, Spare: 2}
	for _, n := range []int{1, 2, 3, 5, 7, 8, 20} {
		e.Faults = append(e.Faults, fault(n, false))
	}
	e.Faults = append(e.Faults, fault(21, true))
	if got := e.Error(); !strings.HasPrefix(got, "part 1 of 20, x.1: gone; ") || !strings.HasSuffix(got, "x.7: gone; and 3 more") {
		t.Errorf("%q", got)
	}
	if got := e.Hint(); !strings.Contains(got, "carry x.1, x.2, x.3, x.5, x.7, and 3 more again") || !strings.Contains(got, "--only-parts 1-3,5,7-8,20 ") || strings.Contains(got, "repair") {
		t.Errorf("%q", got)
	}
	e.Faults = e.Faults[6:]
	if got := e.Hint(); !strings.Contains(got, "carry x.20, x.21 again") || !strings.Contains(got, `dray parts repair "x.parts.json"`) {
		t.Errorf("%q", got)
	}
}

// read returns what is in dir.
func read(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// Any parts of a set, as many as it has parity, come back from the others.
func TestAnyOfThem(t *testing.T) {
	const part, parity = 700, 3
	content := random(4*part + 1)
	dir := t.TempDir()
	index := write(t, dir, content, part, parity)
	want := read(t, dir)
	for lost := range 1 << 8 {
		var names []string
		for i := range 5 + parity {
			if lost>>i&1 == 1 {
				names = append(names, []string{"x.tar.001", "x.tar.002", "x.tar.003", "x.tar.004", "x.tar.005", "x.tar.p01", "x.tar.p02", "x.tar.p03"}[i])
			}
		}
		if len(names) > parity {
			continue
		}
		for _, n := range names {
			if err := os.Remove(filepath.Join(dir, n)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := parts.Repair(t.Context(), index, nil); err != nil {
			t.Fatalf("without %s: %v", names, err)
		}
		if !cmp.Equal(want, read(t, dir)) {
			t.Fatalf("without %s: something else came back", names)
		}
	}
}

// The code is part of the format: sets of today are repaired by any later dray.
func TestParityStays(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, []byte("abcdefghijklmnop"), 5, 2)
	got := read(t, dir)
	if p := fmt.Sprintf("%x %x", got["x.tar.p01"], got["x.tar.p02"]); p != parityOfTheAlphabet {
		t.Errorf("parity is %s", p)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	index := write(t, dir, random(1000), 300, 1)
	if err := os.Remove(filepath.Join(dir, "x.tar.001")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parts.Repair(ctx, index, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Repair: %v", err)
	}
	if got := read(t, dir); len(got) != 5 {
		t.Errorf("%d files stay", len(got))
	}
}
