package main

import (
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// listening waits until "dray serve", in the background, has printed its address
// into a file, and sets a variable to it.
func listening(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: listening VARIABLE FILE")
	}
	for range 3000 {
		raw, err := os.ReadFile(ts.MkAbs(args[1]))
		if address, _, whole := strings.Cut(string(raw), "\n"); err == nil && whole {
			ts.Setenv(args[0], address)
			return
		}
		time.Sleep(10 * time.Millisecond) // there is nothing else to wait on
	}
	ts.Fatalf("nothing stands in %s", args[1])
}
