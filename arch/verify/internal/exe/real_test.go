package exe_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
)

func read(t testing.TB, data []byte) *exe.File {
	t.Helper()
	f, err := new(exe.Reader).Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The Go cross compiler's programs say which machine they are for, and at which level.
func TestReadGoPrograms(t *testing.T) {
	for _, platform := range append(exetest.Platforms(), "darwin/arm64") {
		data := exetest.Build(t, platform)
		f := read(t, data)
		if f == nil {
			t.Fatalf("%s: not known", platform)
		}
		want, err := arch.Parse(platform)
		if err != nil {
			t.Fatal(err)
		}
		got := f.Target()
		if got.Normalize() != want || len(f.Targets) != 1 || f.Kind != exe.Program {
			t.Errorf("%s: %v %v", platform, f, f.Targets)
		}
		if f.Go != runtime.Version() {
			t.Errorf("%s: made by %q", platform, f.Go)
		}
		if f.Interp != "" && want.OS != "darwin" || f.Needed != nil || f.NeededUnread {
			t.Errorf("%s: %+v", platform, f)
		}
	}
}

// The programs of this machine and those that the standard library tests its own reader
// with say the same here and there.
func TestReadAgreesWithDebugELF(t *testing.T) {
	var paths []string
	for _, pattern := range []string{
		filepath.Join(goroot(t), "src/debug/elf/testdata/*"),
		"/bin/*sh", "/usr/bin/[a-e]*", "/usr/lib/*/lib[a-e]*.so*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	compared := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
			continue
		}
		oracle, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			continue
		}
		compareELF(t, path, read(t, data), oracle)
		if compared++; compared == 150 {
			break
		}
	}
	if compared == 0 {
		t.Skip("no ELF file to compare with")
	}
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func compareELF(t *testing.T, path string, f *exe.File, oracle *elf.File) {
	t.Helper()
	if f.Machine != oracle.Machine.String() {
		t.Errorf("%s: machine %s, want %s", path, f.Machine, oracle.Machine)
	}
	if oracle.Type == elf.ET_REL && f.Kind != exe.Other {
		t.Errorf("%s: %s", path, f.Kind)
	}
	for _, p := range oracle.Progs {
		if p.Type == elf.PT_INTERP {
			raw := make([]byte, p.Filesz)
			if _, err := p.ReadAt(raw, 0); err != nil {
				continue // a debug file has the headers alone
			}
			if want := string(bytes.TrimRight(raw, "\x00")); f.Interp != want {
				t.Errorf("%s: interpreter %q, want %q", path, f.Interp, want)
			}
		}
	}
	needed, err := oracle.ImportedLibraries()
	if err != nil {
		return // no dynamic section that it can read
	}
	if !f.NeededUnread && !slices.Equal(f.Needed, needed) {
		t.Errorf("%s: needs %q, want %q", path, f.Needed, needed)
	}
}

// What the Go toolchain tests debug/pe and debug/macho with, where it is there.
func TestReadTestdataOfGo(t *testing.T) {
	for name, want := range map[string]string{
		"pe/testdata/gcc-386-mingw-exec":                     "PE program for windows/386",
		"pe/testdata/gcc-amd64-mingw-exec":                   "PE program for windows/amd64",
		"pe/testdata/llvm-mingw-20211002-msvcrt-x86_64-crt2": "",
		"elf/testdata/gcc-386-freebsd-exec":                  "ELF program for freebsd/386",
		"elf/testdata/gcc-riscv64-linux-exec":                "ELF program for linux/riscv64",
	} {
		data, err := os.ReadFile(filepath.Join(goroot(t), "src/debug", name))
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		got := ""
		if f := read(t, data); f != nil {
			got = f.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
