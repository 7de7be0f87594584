package encoder_test

import (
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"github.com/dray-oci/dray/pkg/delta/encoder"
)

// tool runs a program, if it is there.
func tool(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Skip(err)
	}
	return out
}

const python = `
import sys, zlib
z = zlib.compressobj(int(sys.argv[1]), zlib.DEFLATED, 31)
sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read()) + z.flush())
`

func zlibTools() map[string]func(t *testing.T, tar []byte, level string) []byte {
	return map[string]func(t *testing.T, tar []byte, level string) []byte{
		"zlib": func(t *testing.T, tar []byte, level string) []byte {
			return tool(t, tar, "python3", "-c", python, level)
		},
		"gzip": func(t *testing.T, tar []byte, level string) []byte { return tool(t, tar, "gzip", "-n", "-"+level) },
		"pigz": func(t *testing.T, tar []byte, level string) []byte { return tool(t, tar, "pigz", "-n", "-"+level) },
	}
}

// What the real programs make is made again: of tars of all sizes, since what
// they do in the last bytes differs.
func TestZlibAndItsKin(t *testing.T) {
	for family, run := range zlibTools() {
		t.Run(family, func(t *testing.T) {
			for i, size := range []int{0, 1, 2, 300, 65_280, 98_042, 128 << 10, 128<<10 + 1, 301_234} {
				tar := content(uint64(size), size)
				for _, level := range []int{1 + i%9, 6} {
					b := run(t, tar, strconv.Itoa(level))
					name := family + "/" + strconv.Itoa(level)
					check(t, encoder.Recipe{Wrap: encoder.Gzip, Encoder: name, Header: b[:10], Size: int64(size)}, b, tar)
					if t.Failed() {
						t.Fatalf("%s, %d bytes", name, size)
					}
				}
			}
		})
	}
}

func TestZlibIsFound(t *testing.T) {
	tar := content(5, 300_000)
	for family, run := range zlibTools() {
		t.Run(family, func(t *testing.T) {
			for _, level := range []string{"1", "6", "9"} {
				if r := mustFind(t, run(t, tar, level), tar); r.Encoder != family+"/"+level {
					t.Errorf("level %s is found to be %s", level, r.Encoder)
				}
			}
		})
	}
}
