package far

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-oci/dray/pkg/place"
)

func TestArguments(t *testing.T) {
	for host, want := range map[string]string{
		"host":          "-- host",
		"u@host":        "-l u -- host",
		"u@host:2222":   "-l u -p 2222 -- host",
		"[fe80::1]":     "-- fe80::1",
		"u@[::1]:22":    "-l u -p 22 -- ::1",
		"my_alias.home": "-- my_alias.home",
	} {
		args, err := arguments(host)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if diff := cmp.Diff(strings.Fields(want), args[5:]); diff != "" {
			t.Errorf("%s: %s", host, diff)
		}
	}
	for _, host := range []string{"", "-oProxyCommand=x", "-l@host", "u@-x", "u@"} {
		if args, err := arguments(host); err == nil {
			t.Errorf("%q: %q", host, args)
		}
	}
}

// TestScriptIsPlain: what the shells of hosts read differently is not in it.
func TestScriptIsPlain(t *testing.T) {
	s := script(123)
	body, ok := strings.CutPrefix(s, "sh -c '")
	body, closed := strings.CutSuffix(body, "'")
	if !ok || !closed || strings.ContainsAny(body, "'\\!\n`") {
		t.Errorf("%s", s)
	}
}

func TestRunsHere(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("written for linux/amd64")
	}
	for system, want := range map[string]bool{
		"Linux x86_64": true, "Linux aarch64": false, "Darwin x86_64": false, "Linux": false, "": false, "x86_64 Linux": false,
	} {
		if runsHere(system) != want {
			t.Errorf("%q: %v", system, !want)
		}
	}
}

// ssh makes a program that runs lines of shell instead of going anywhere.
func ssh(t *testing.T, lines string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no shell")
	}
	path := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDialFails(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		lines, want string
		is          error
	}{
		"no way":         {"echo 'no route' >&2; exit 255", "exit status 255: no route", place.ErrUnavailable},
		"silence":        {"exit 0", "it has ended", place.ErrUnavailable},
		"too much":       {"yes 'welcome to this host'", "says too much", place.ErrInvalid},
		"other system":   {"echo '" + Protocol + " want Plan9 mips'; cat >/dev/null", `not for "Plan9 mips"`, place.ErrUnsupported},
		"hostile system": {`printf '` + Protocol + ` want \033[2J\n'; cat >/dev/null`, `"\x1b[2J"`, place.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dial(t.Context(), "host", SSH{Program: ssh(t, tt.lines), Own: own})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, tt.is) || errors.Is(err, io.EOF) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Dial(t.Context(), "host", SSH{Program: "no-such-program"}); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no ssh: %v", err)
	}
}

func TestDialIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	program := ssh(t, "exec sleep 600")
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := Dial(ctx, "host", SSH{Program: program}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestBreaks: a far end that dies is unavailable, and says why.
func TestBreaks(t *testing.T) {
	c, err := Dial(t.Context(), "host", SSH{Program: ssh(t, "echo "+Protocol+"; head -c 10 >/dev/null; echo 'the power is out' >&2; exit 4")})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Source(t.Context(), "store:")
	if !errors.Is(err, place.ErrUnavailable) || !strings.Contains(err.Error(), "the power is out") || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
