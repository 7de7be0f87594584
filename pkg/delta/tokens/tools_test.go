package tokens

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What real programs make is made again, by the tokens of what they made of a like text.
func TestTools(t *testing.T) {
	old := text(100, 1_000_000)
	changed := slices.Insert(bytes.Clone(old), 300_000, text(101, 20_000)...)
	for _, command := range []string{
		"gzip -6", "pigz -b 512", "libdeflate-gzip -6", "libdeflate-gzip -12", "igzip -0", "igzip -3", "zopfli --i1",
	} {
		t.Run(command, func(t *testing.T) {
			was, blob := run(t, command, old), run(t, command, changed)
			_, hints := hintsOf(t, was)
			hints = slices.Insert(hints, 300_000, bytes.Repeat([]byte{None}, 20_000)...)
			program := describe(t, blob, hints)
			got, err := build(program, changed, hints)
			if err != nil || !bytes.Equal(got, blob) {
				t.Errorf("other bytes: %v", err)
			}
			if len(program) > len(blob)/5 {
				t.Errorf("a program of %d bytes for %d", len(program), len(blob))
			}
		})
	}
}

// run runs a program, if it is there.
func run(t *testing.T, command string, in []byte) []byte {
	t.Helper()
	name, flags, _ := strings.Cut(command, " ")
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(name, append(strings.Fields(flags), "-c", file)...).Output()
	if err != nil {
		t.Skip(err)
	}
	return out
}
