package encoder_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// archive writes a docker-archive of one layer that is not compressed.
func archive(t *testing.T, layer []byte) string {
	t.Helper()
	sum := sha256.Sum256(layer)
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, hex.EncodeToString(sum[:]))
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct{ name, content string }{
		{"config.json", config},
		{"layer.tar", string(layer)},
		{"manifest.json", `[{"Config":"config.json","RepoTags":["x:1"],"Layers":["layer.tar"]}]`},
	} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// layerTar makes a tar of one file.
func layerTar(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "file", Size: int64(size), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(77, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What skopeo compresses, and so podman and buildah, which have the same library.
func TestSkopeo(t *testing.T) {
	layer := layerTar(t, 3<<20)
	from := archive(t, layer)
	found := 0
	for _, args := range [][]string{nil, {"--dest-compress-level", "1"}, {"--dest-compress-format", "zstd", "--format", "oci"}} {
		dir := t.TempDir()
		tool(t, nil, "skopeo", append([]string{"--insecure-policy", "copy", "--dest-compress", "docker-archive:" + from, "dir:" + dir}, args...)...)
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.HasPrefix(b, []byte("\x1f\x8b")) || bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")) {
				t.Log(mustFind(t, b, layer).Encoder)
				found++
			}
		}
	}
	if found != 3 {
		t.Errorf("%d layers were compressed", found)
	}
}

// umoci packs with blocks of its own size.
func TestUmoci(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, content(78, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "image")
	tool(t, nil, "umoci", "init", "--layout", image)
	tool(t, nil, "umoci", "new", "--image", image+":1")
	tool(t, nil, "umoci", "insert", "--rootless", "--image", image+":1", file, "/file")
	blobs, err := filepath.Glob(filepath.Join(image, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range blobs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte("\x1f\x8b")) {
			continue
		}
		found++
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(mustFind(t, b, layer).Encoder)
	}
	if found != 1 {
		t.Errorf("%d layers", found)
	}
}
