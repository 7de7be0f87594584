package verify_test

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/arch/verify/internal/exetest"
)

const (
	glibc = "/lib64/ld-linux-x86-64.so.2"
	musl  = "/lib/ld-musl-x86_64.so.1"
)

func dynamic(interp string, needed ...string) []byte {
	return exetest.ELF(exetest.ELFSpec{Interp: interp, Needed: needed})
}

// What the image starts is found by the rules of the kernel, of execvp and of wrappers. Every
// case is for linux/amd64, and the program for arm64 called "wrong" must be found.
func TestStartFinds(t *testing.T) {
	right, wrong := elfFor("amd64"), elfFor("arm64")
	sh := program("bin/sh", right)
	for name, tt := range map[string]struct {
		start  v1.Config
		layers [][]file
	}{
		"absolute":                      {started("/opt/wrong", "arg"), [][]file{{program("opt/wrong", wrong)}}},
		"command only":                  {v1.Config{Cmd: []string{"/wrong"}}, [][]file{{program("wrong", wrong)}}},
		"entrypoint first":              {v1.Config{Entrypoint: []string{"/wrong"}, Cmd: []string{"/right"}}, [][]file{{program("wrong", wrong), program("right", right)}}},
		"default PATH":                  {started("wrong"), [][]file{{program("usr/bin/wrong", wrong)}}},
		"PATH of the image":             {v1.Config{Entrypoint: []string{"wrong"}, Env: []string{"PATH=/none:/opt/x"}}, [][]file{{program("opt/x/wrong", wrong)}}},
		"first in PATH":                 {started("wrong"), [][]file{{program("usr/bin/wrong", right), program("usr/local/bin/wrong", wrong)}}},
		"not executable is passed over": {started("wrong"), [][]file{{file{name: "usr/local/bin/wrong", data: right, mode: 0o644}, program("usr/bin/wrong", wrong)}}},
		"working folder":                {v1.Config{Entrypoint: []string{"./wrong"}, WorkingDir: "/srv"}, [][]file{{program("srv/wrong", wrong)}}},
		"relative in PATH":              {v1.Config{Entrypoint: []string{"wrong"}, WorkingDir: "/srv", Env: []string{"PATH=bin"}}, [][]file{{program("srv/bin/wrong", wrong)}}},
		"symlinks":                      {started("/usr/bin/x"), [][]file{{link("usr/bin/x", "/etc/alternatives/x"), link("etc/alternatives/x", "../../opt/wrong")}, {program("opt/wrong", wrong)}}},
		"symlinked folder":              {started("/bin/wrong"), [][]file{{link("bin", "usr/bin"), program("usr/bin/wrong", wrong)}}},
		"upper layer":                   {started("/x"), [][]file{{program("x", right)}, {program("x", wrong)}}},
		"script":                        {started("/run"), [][]file{{script("run", "#!/opt/wrong -e\n"), program("opt/wrong", wrong)}}},
		"script by script":              {started("/run"), [][]file{{script("run", "#!/a\n"), script("a", "#!/opt/wrong"), program("opt/wrong", wrong)}}},
		"env in a script":               {started("/run"), [][]file{{script("run", "#!/usr/bin/env wrong\n"), program("usr/bin/env", right), program("usr/bin/wrong", wrong)}}},
		"env -S in a script":            {started("/run"), [][]file{{script("run", "#!/usr/bin/env -S A=b wrong -u\n"), program("usr/bin/env", right), program("usr/bin/wrong", wrong)}}},
		"env":                           {started("env", "-u", "X", "A=b", "wrong"), [][]file{{program("usr/bin/env", right), program("usr/bin/wrong", wrong)}}},
		"tini":                          {started("/sbin/tini", "-g", "-p", "TERM", "--", "/wrong"), [][]file{{program("sbin/tini", right), program("wrong", wrong)}}},
		"gosu":                          {started("gosu", "nobody", "wrong"), [][]file{{program("usr/bin/gosu", right), program("bin/wrong", wrong)}}},
		"shell form":                    {started("/bin/sh", "-c", "A=b exec wrong $HOME; true"), [][]file{{sh, program("usr/bin/wrong", wrong)}}},
		"shell with options":            {started("sh", "-ec", "wrong && true"), [][]file{{sh, program("bin/wrong", wrong)}}},
		"shell runs a file":             {started("sh", "/run", "x"), [][]file{{sh, script("run", "#!/wrong\n"), program("wrong", wrong)}}},
		"what a script is given": {
			v1.Config{Entrypoint: []string{"/run.sh"}, Cmd: []string{"wrong"}},
			[][]file{{sh, script("run.sh", "#!/bin/sh\nexec \"$@\"\n"), program("usr/bin/wrong", wrong)}},
		},
		"what a script is given by a wrapper": {
			started("tini", "--", "/run.sh", "wrong"),
			[][]file{{sh, program("usr/bin/tini", right), script("run.sh", "#!/bin/sh -e\nexec \"$@\"\n"), program("usr/bin/wrong", wrong)}},
		},
		"interpreter": {started("/x"), [][]file{{program("x", dynamic(glibc)), program(glibc[1:], wrong)}}},
	} {
		s := newStore(t)
		r := s.run(s.image(spec{config: "linux/amd64", start: tt.start, layers: tt.layers}), verify.Options{})
		if fs := findings(r, verify.KindMachine); len(fs) != 1 || r.OK {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// How starting fails for other reasons than the machine.
func TestStartFails(t *testing.T) {
	right := elfFor("amd64")
	for name, tt := range map[string]struct {
		start []string
		files []file
		kind  verify.Kind
		text  string
		fix   string
	}{
		"not there":          {[]string{"/app"}, []file{program("other", right)}, verify.KindCommand, `"/app", is not in the image`, ""},
		"not in PATH":        {[]string{"app"}, []file{program("srv/app", right)}, verify.KindCommand, `"app", is not in the image`, ""},
		"dangling link":      {[]string{"/app"}, []file{link("app", "gone")}, verify.KindCommand, "is not in the image", ""},
		"circle":             {[]string{"/app"}, []file{link("app", "app")}, verify.KindCommand, "leads in a circle", ""},
		"not executable":     {[]string{"/app"}, []file{{name: "app", data: right, mode: 0o644}}, verify.KindCommand, "/app is not executable", "chmod"},
		"folder":             {[]string{"/app"}, []file{{name: "app/"}}, verify.KindCommand, "is no file", ""},
		"text":               {[]string{"/app"}, []file{script("app", "echo hello")}, verify.KindCommand, "neither a program nor a script", ""},
		"script's is absent": {[]string{"/app"}, []file{script("app", "#!/bin/bash\n")}, verify.KindInterpreter, "begins with #!/bin/bash, which is not in the image", ""},
		"carriage return":    {[]string{"/app"}, []file{script("app", "#!/bin/sh\r\n"), program("bin/sh", right)}, verify.KindInterpreter, "carriage return", "Unix line ends"},
		"env finds nothing":  {[]string{"/app"}, []file{script("app", "#!/usr/bin/env python3\n"), program("usr/bin/env", right)}, verify.KindCommand, `"python3", is not in the image`, ""},
		"empty line":         {[]string{"/app"}, []file{script("app", "#!\n")}, verify.KindInterpreter, "empty #! line", ""},
		"no interpreter":     {[]string{"/app"}, []file{program("app", dynamic(glibc))}, verify.KindInterpreter, glibc + ", which is not in the image", "statically"},
		"musl instead of glibc": {
			[]string{"/app"},
			[]file{program("app", dynamic(glibc)), program(musl[1:], right)},
			verify.KindInterpreter, "it was built for glibc, and the image has musl", "build it for musl",
		},
		"glibc instead of musl": {
			[]string{"/app"},
			[]file{program("app", dynamic(musl)), program(glibc[1:], right)},
			verify.KindInterpreter, "it was built for musl, and the image has glibc", "build it for glibc",
		},
	} {
		s := newStore(t)
		r := s.run(s.image(spec{config: "linux/amd64", start: started(tt.start...), layers: [][]file{tt.files}}), verify.Options{})
		f := mustFind(t, r, tt.kind, verify.Error, tt.text)
		if verdicts(r) != "MISSING" || !strings.Contains(f.Fix, tt.fix) {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// What may well be right does not fail.
func TestStartPasses(t *testing.T) {
	right := elfFor("amd64")
	for name, tt := range map[string]struct {
		start v1.Config
		files []file
	}{
		"interpreter is there":    {started("/app"), []file{program("app", dynamic(glibc)), program(glibc[1:], right)}},
		"shell with a builtin":    {started("sh", "-c", "cd /x && ./y"), []file{program("bin/sh", right)}},
		"shell with an expansion": {started("sh", "-c", "$JAVA_HOME/bin/java"), []file{program("bin/sh", right)}},
		"shell alone":             {started("/bin/sh"), []file{program("bin/sh", right)}},
		"options for a script":    {v1.Config{Entrypoint: []string{"/run"}, Cmd: []string{"--help"}}, []file{script("run", "#!/bin/sh\n"), program("bin/sh", right)}},
		"starts itself":           {started("/run"), []file{script("run", "#!/run\n")}},
		"lower level":             {started("/app"), []file{program("app", exetest.ELF(exetest.ELFSpec{Level: 1}))}},
	} {
		s := newStore(t)
		r := s.run(s.image(spec{config: "linux/amd64", start: tt.start, layers: [][]file{tt.files}}), verify.Options{})
		if !r.OK || len(r.Platforms[0].Findings) > 0 {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// Without a command every program is looked at.
func TestNoCommand(t *testing.T) {
	s := newStore(t)
	r := s.run(s.image(spec{config: "linux/amd64", layers: [][]file{{program("usr/bin/tool", elfFor("arm64"))}}}), verify.Options{})
	if verdicts(r) != "CONTENT" {
		t.Error(dump(r))
	}
}

// ABIs that do not go together: soft and hard float, the old and the new NaN.
func TestABI(t *testing.T) {
	for name, tt := range map[string]struct {
		platform        string
		program, loader exetest.ELFSpec
		want            string
	}{
		"ARM": {
			"linux/arm/v7",
			exetest.ELFSpec{Machine: elf.EM_ARM, Is32: true, Flags: 0x5000400},
			exetest.ELFSpec{Machine: elf.EM_ARM, Is32: true, Flags: 0x5000200},
			"/app is for hard float, its interpreter /lib/ld.so for soft float",
		},
		"MIPS": {
			"linux/mips64le",
			exetest.ELFSpec{Machine: elf.EM_MIPS, Flags: 0x80000400},
			exetest.ELFSpec{Machine: elf.EM_MIPS, Flags: 0x80000000},
			"/app is for NaN 2008, its interpreter /lib/ld.so for legacy NaN",
		},
	} {
		tt.program.Interp = "/lib/ld.so"
		s := newStore(t)
		r := s.run(s.image(spec{config: tt.platform, start: started("/app"), layers: [][]file{{
			program("app", exetest.ELF(tt.program)), program("lib/ld.so", exetest.ELF(tt.loader)),
		}}}), verify.Options{})
		if mustFind(t, r, verify.KindABI, verify.Error, tt.want); verdicts(r) != "CONTENT" {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

// Programs of the Go cross compiler, each under every platform: what runs where.
func TestGoPrograms(t *testing.T) {
	goes := map[string][]string{ // program to the other platforms where it is right too
		"linux/amd64":  {"linux/amd64/v3"},
		"linux/arm/v6": {"linux/arm/v7"},
	}
	for _, made := range exetest.Platforms() {
		for _, claimed := range exetest.Platforms() {
			s := newStore(t)
			sp := spec{config: claimed, start: started("/app"), layers: [][]file{{program("app", exetest.Build(t, made))}}}
			if strings.HasPrefix(claimed, "windows") {
				sp.start, sp.layers[0][0].name = started(`C:\app.exe`), "Files/app.exe"
			}
			want := "CONTENT"
			if made == claimed || slices.Contains(goes[made], claimed) {
				want = "OK"
			}
			r := s.run(s.images(sp), verify.Options{})
			if verdicts(r) != want || r.Platforms[0].Binaries != made {
				t.Errorf("%s as %s: %s", made, claimed, dump(r))
			}
			if want == "CONTENT" {
				mustFind(t, r, verify.KindMachine, verify.Error, fmt.Sprintf("is for %s", made))
			}
		}
	}
}

func TestWindows(t *testing.T) {
	exe := exetest.Build(t, "windows/amd64")
	for name, tt := range map[string]struct {
		start v1.Config
		want  string
	}{
		"path":            {started(`C:\App\Tool.exe`), "OK"},
		"other case":      {started(`c:\app\TOOL.EXE`), "OK"},
		"no suffix":       {started(`C:\app\tool`), "OK"},
		"working folder":  {v1.Config{Entrypoint: []string{"tool"}, WorkingDir: `C:\app`}, "OK"},
		"PATH":            {v1.Config{Entrypoint: []string{"tool.exe"}, Env: []string{`Path=C:\none;C:\App`}}, "OK"},
		"in the registry": {started("powershell"), "NOCODE"}, // PATH may be anything
		"batch file":      {started(`C:\App\run.bat`), "NOCODE"},
	} {
		s := newStore(t)
		r := s.run(s.image(spec{config: "windows/amd64", start: tt.start, layers: [][]file{{program("Files/App/Tool.exe", exe), script("Files/App/run.bat", "echo")}}}), verify.Options{})
		if verdicts(r) != tt.want {
			t.Errorf("%s: %s", name, dump(r))
		}
	}
}

func TestWasm(t *testing.T) {
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	for platform, want := range map[string]string{"wasi/wasm": "OK", "wasip1/wasm": "OK", "linux/amd64": "CONTENT"} {
		s := newStore(t)
		r := s.run(s.image(spec{config: platform, start: started("/app.wasm"), layers: [][]file{{program("app.wasm", wasm)}}}), verify.Options{})
		if verdicts(r) != want {
			t.Errorf("%s: %s", platform, dump(r))
		}
	}
}
