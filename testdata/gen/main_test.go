package main

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocilayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestCommittedLayoutIsWhatTheGeneratorMakes(t *testing.T) {
	made, err := hello()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte(made), read(t, "../hello")); diff != "" {
		t.Errorf("run go generate ./testdata (-made now, +committed):\n%s", diff)
	}
}

// A second run into the same folder leaves nothing of what was there.
func TestRunReplacesTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "stale"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, "../hello"), read(t, dir)); diff != "" {
		t.Errorf("the folder differs (-committed, +made):\n%s", diff)
	}
}

func TestLayoutIsValid(t *testing.T) {
	top, err := ocilayout.ImageIndexFromPath("../hello")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Error(err)
	}
	m, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := top.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	var platforms []string
	shared := map[v1.Hash]int{}
	for _, d := range m.Manifests {
		platforms = append(platforms, d.Platform.String())
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers.Layers {
			shared[layer.Digest]++
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64", "linux/arm/v7"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
	if len(shared) != 4 {
		t.Errorf("%d distinct layers, want one for all and one each: %v", len(shared), shared)
	}
}

// The standard library's reader is the oracle of what a platform's program is.
func TestProgramsAreStatic(t *testing.T) {
	for _, p := range programs() {
		t.Run(p.platform.String(), func(t *testing.T) {
			f, err := elf.Open(write(t, p))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Type != elf.ET_EXEC || f.Machine != p.machine {
				t.Errorf("%v for %v, want ET_EXEC for %v", f.Type, f.Machine, p.machine)
			}
			for _, s := range f.Progs {
				if s.Type == elf.PT_INTERP || s.Type == elf.PT_DYNAMIC {
					t.Errorf("has %v", s.Type)
				}
			}
			text, err := f.Section(".text").Data()
			if err != nil {
				t.Fatal(err)
			}
			if code := len(text) - len(p.message()); string(text[code:]) != p.message() {
				t.Errorf(".text ends in %q, want %q", text[code:], p.message())
			}
		})
	}
}

// A program of another machine runs where qemu's user mode is installed.
func TestProgramsRun(t *testing.T) {
	emulators := map[elf.Machine][]string{
		elf.EM_X86_64:  {"qemu-x86_64", "qemu-x86_64-static"},
		elf.EM_AARCH64: {"qemu-aarch64", "qemu-aarch64-static"},
		elf.EM_ARM:     {"qemu-arm", "qemu-arm-static"},
	}
	for _, p := range programs() {
		t.Run(p.platform.String(), func(t *testing.T) {
			command := []string{write(t, p)}
			if runtime.GOOS != "linux" || runtime.GOARCH != p.platform.Architecture {
				emulator := firstInstalled(emulators[p.machine])
				if emulator == "" {
					t.Skipf("this is %s/%s, without %v", runtime.GOOS, runtime.GOARCH, emulators[p.machine])
				}
				command = append([]string{emulator}, command...)
			}
			got, err := exec.CommandContext(t.Context(), command[0], command[1:]...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != p.message() {
				t.Errorf("printed %q, want %q", got, p.message())
			}
		})
	}
}

func firstInstalled(names []string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// write puts the program into a file of its own and returns its path.
func write(t *testing.T, p program) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(path, p.elf(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns all files under dir.
func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
