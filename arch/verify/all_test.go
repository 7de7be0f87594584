package verify_test

import (
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
)

// judgeAll judges an image for amd64 that starts /app and has more files.
func judgeAll(t *testing.T, files ...file) *verify.Report {
	s := newStore(t)
	files = append(files, program("app", elfFor("amd64")))
	return s.run(s.image(spec{config: "linux/amd64", start: started("/app"), layers: [][]file{files}}), verify.Options{Binaries: verify.All})
}

// What honest images carry for other machines does not make them mixed.
func TestExcused(t *testing.T) {
	arm, pe := elfFor("arm64"), exetest.ELF(exetest.ELFSpec{Machine: elf.EM_AARCH64, Type: elf.ET_REL})
	for name, f := range map[string]file{
		"cross library":  program("usr/lib/aarch64-linux-gnu/libc.so.6", arm),
		"module of Node": program("srv/node_modules/x/prebuilds/linux-arm64/node.napi.node", arm),
		"Go tool":        program("usr/local/go/pkg/tool/linux_arm64/compile", arm),
		"test data":      program("usr/src/testdata/hello", arm),
		"object":         program("usr/lib/crt1.o", pe),
		"not executable": {name: "usr/share/blob", data: arm, mode: 0o644},
		"other system":   program("usr/lib/python3/launcher.exe", []byte("MZ"+strings.Repeat("\x00", 58)+"\x40\x00\x00\x00PE\x00\x00\x64\xaa"+strings.Repeat("\x00", 200))),
		"WebAssembly":    program("srv/x.wasm", []byte("\x00asm\x01\x00\x00\x00")),
		"GPU code":       program("opt/kernel.cubin", exetest.ELF(exetest.ELFSpec{Machine: 190})),
		"FreeBSD":        program("opt/bin/x", exetest.ELF(exetest.ELFSpec{OSABI: elf.ELFOSABI_FREEBSD})),
	} {
		r := judgeAll(t, f)
		if verdicts(r) != "OK" || r.Platforms[0].Binaries != "linux/amd64" {
			t.Errorf("%s: %s", name, dump(r))
		}
		mustFind(t, r, verify.KindForeign, verify.Note, "/"+f.name)
	}
}

func TestNotExcused(t *testing.T) {
	arm := elfFor("arm64")
	for name, f := range map[string]file{
		"program":               program("usr/bin/tool", arm),
		"library":               {name: "usr/lib/libx.so.1", data: arm, mode: 0o644},
		"module of Node":        {name: "srv/build/Release/x.node", data: arm, mode: 0o644},
		"named for this one":    program("opt/tool-amd64", arm),
		"word within a word":    program("opt/charm/tool", elfFor("arm")),
		"what the image starts": program("app", arm), // the later file of the same name is amd64's
	} {
		r := judgeAll(t, f)
		want := "MIXED"
		if f.name == "app" {
			want = "OK"
		}
		if verdicts(r) != want {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
	// Where nothing is right, nothing is excused.
	s := newStore(t)
	r := s.run(s.image(spec{config: "linux/amd64", layers: [][]file{{program("usr/lib/aarch64-linux-gnu/x", arm)}}}), verify.Options{Binaries: verify.All})
	if verdicts(r) != "CONTENT" || r.Platforms[0].Binaries != "linux/arm64" {
		t.Error(dump(r))
	}
}

// Programs beside the main architecture are fine as long as there are others.
func TestMultilib(t *testing.T) {
	if r := judgeAll(t, program("lib/libc.so.6", elfFor("386"))); verdicts(r) != "OK" || r.Platforms[0].Binaries != "linux/386,linux/amd64" {
		t.Error(dump(r))
	}
}

// Many wrong files do not make many findings.
func TestManyForeign(t *testing.T) {
	var files []file
	for i := range 100 {
		files = append(files, program(fmt.Sprintf("bin/tool%d", i), elfFor("arm64")))
	}
	r := judgeAll(t, files...)
	fs := findings(r, verify.KindMachine)
	if len(fs) != 11 || fs[10].Text != "90 more files are for another machine" || verdicts(r) != "MIXED" {
		t.Error(dump(r))
	}
}

func TestLibraries(t *testing.T) {
	r := judgeAll(t,
		program("usr/bin/tool", dynamic(glibc, "libthere.so.1", "libgone.so.2", "libcuda.so.1")),
		program("usr/bin/tool2", dynamic(glibc, "libgone.so.2")),
		program("opt/odd/libthere.so.1", elfFor("amd64")),
		link("lib64/ld-linux-x86-64.so.2", "../usr/lib/ld.so"), program("usr/lib/ld.so", elfFor("amd64")),
	)
	fs := findings(r, verify.KindLibrary)
	if len(fs) != 2 || verdicts(r) != "OK" {
		t.Fatal(dump(r))
	}
	if f := fs[0]; f.Severity != verify.Note || !strings.Contains(f.Text, "libcuda.so.1 is nowhere in the image; /usr/bin/tool needs it; engines bring it") {
		t.Errorf("%+v", f)
	}
	if f := fs[1]; f.Severity != verify.Warning || f.Text != "libgone.so.2 is nowhere in the image; /usr/bin/tool and one more need it" || f.Path != "usr/bin/tool" || f.Layer == "" {
		t.Errorf("%+v", f)
	}
	// What the image starts does not start without its libraries.
	s := newStore(t)
	image := s.image(spec{config: "linux/amd64", start: started("/app"), layers: [][]file{{program("app", dynamic("", "libgone.so"))}}})
	r = s.run(image, verify.Options{Binaries: verify.All})
	if mustFind(t, r, verify.KindLibrary, verify.Error); verdicts(r) != "MISSING" {
		t.Error(dump(r))
	}
	if r := s.run(image, verify.Options{}); verdicts(r) != "OK" {
		t.Error(dump(r))
	}
}

func TestInterpretersOfAll(t *testing.T) {
	r := judgeAll(t, program("bin/a", dynamic(musl)), program("bin/b", dynamic(musl)), program("bin/c", dynamic(musl)), program("bin/d", dynamic(glibc)), program(glibc[1:], elfFor("amd64")))
	mustFind(t, r, verify.KindInterpreter, verify.Warning, musl+" is not in the image; /bin/a and others need it")
	if verdicts(r) != "OK" {
		t.Error(dump(r))
	}
	var needs []string
	for i := range 1100 {
		needs = append(needs, fmt.Sprintf("lib%d.so", i))
	}
	mustFind(t, judgeAll(t, program("x", dynamic("", needs...))), verify.KindUnread, verify.Note, "of 1 large files")
}
