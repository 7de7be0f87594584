package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/exe"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// maxStarts is how many programs that start each other are followed: Linux takes five
// scripts, and wrappers come on top.
const maxStarts = 10

// A start follows what an image starts: the program, what that is started with, and
// what wrappers and scripts start in turn as far as their words tell.
type start struct {
	tree   *rootfs.Tree
	peeker *peeker // may be nil
	argv   []string
	system system

	programs []program
	findings []located
	unread   bool // it went to a layer that was not read
}

// located is a finding in a layer of the image, by its index; -1 is no layer.
type located struct {
	Finding
	layer int
}

func newStart(tree *rootfs.Tree, c v1.Config, claim arch.Platform) *start {
	return &start{tree: tree, argv: command(c), system: newSystem(c, claim)}
}

// run follows the command of the image. It can be run again with more layers.
func (s *start) run() {
	s.programs, s.findings, s.unread = nil, nil, false
	if len(s.argv) > 0 {
		s.follow(s.argv, true, 0)
	}
}

func (s *start) say(f Finding, layer int) { s.findings = append(s.findings, located{f, layer}) }

// follow judges the first word of argv and what it starts. sure says that it is started,
// and not only mentioned by somebody who starts something.
func (s *start) follow(argv []string, sure bool, depth int) {
	found, err := s.find(argv[0])
	if err == nil {
		s.peeker.peek(s.tree, &found)
	}
	switch {
	case errors.Is(err, rootfs.ErrUnread):
		s.unread = s.unread || sure
		return
	case err != nil:
		if sure {
			s.say(s.notFound(argv[0], err), -1)
		}
		return
	case found.Node.Exe == nil:
		s.unknown(found, sure)
		return
	case slices.ContainsFunc(s.programs, func(p program) bool { return p.Path == found.Path }) || depth > maxStarts:
		return
	}
	if s.system.needsMode && !found.Node.IsExecutable() {
		if sure {
			s.say(errorf(KindCommand, "/%s is not executable", found.Path).in(found.Path, "").
				pair(fmt.Sprintf("mode %#o", found.Node.Mode), "executable").fix("set its mode, as COPY --chmod=755 does"), found.Layer)
		}
		return
	}
	s.programs = append(s.programs, program{Found: found, started: true})
	if found.Node.Exe.Format == exe.Script {
		s.script(found, argv[1:], sure, depth)
		return
	}
	s.interpreter(found, sure)
	if next, nextSure := startedBy(argv); len(next) > 0 {
		s.follow(next, sure && nextSure, depth+1)
	}
}

func (s *start) notFound(name string, err error) Finding {
	why := "is not in the image"
	if errors.Is(err, rootfs.ErrLoop) {
		why = "is a link that leads in a circle"
	}
	f := errorf(KindCommand, "the program that the image starts, %q, %s", name, why).pair("", name)
	if !s.system.isKnown {
		f.Severity = Warning
	}
	return f
}

// unknown is about a file that is neither a program nor a script that says what for.
func (s *start) unknown(found rootfs.Found, sure bool) {
	switch {
	case !sure || !s.system.needsMode: // a script of cmd.exe, say
	case found.Node.Kind != rootfs.File:
		s.say(errorf(KindCommand, "/%s, which the image starts, is no file", found.Path).in(found.Path, ""), found.Layer)
	default:
		s.say(errorf(KindCommand, "/%s, which the image starts, is neither a program nor a script that begins with #!", found.Path).in(found.Path, ""), found.Layer)
	}
}

// interpreter looks for the ELF interpreter of a program: where it is absent, starting
// the program fails with "no such file or directory".
func (s *start) interpreter(of rootfs.Found, sure bool) {
	f := of.Node.Exe
	if f.Interp == "" {
		return
	}
	found, err := s.tree.Lookup(s.system.absolute(f.Interp))
	if err == nil {
		s.peeker.peek(s.tree, &found)
	}
	switch {
	case errors.Is(err, rootfs.ErrUnread):
		s.unread = s.unread || sure
	case err != nil && sure:
		s.say(s.noInterpreter(of), of.Layer)
	case err != nil, found.Node.Exe == nil:
	default:
		s.programs = append(s.programs, program{Found: found, started: true})
		if a, b := f.ABI, found.Node.Exe.ABI; a != b && a != "" && b != "" && f.Target().Architecture == found.Node.Exe.Target().Architecture {
			s.say(errorf(KindABI, "/%s is for %s, its interpreter /%s for %s", of.Path, a, found.Path, b).in(of.Path, "").pair(a, b), of.Layer)
		}
	}
}

func (s *start) noInterpreter(of rootfs.Found) Finding {
	interp := of.Node.Exe.Interp
	f := errorf(KindInterpreter, "/%s needs %s, which is not in the image", of.Path, interp).in(of.Path, "").pair("", interp)
	want, have := libc(interp), s.libcs()
	if want != "" && have != "" && want != have {
		f.Text += fmt.Sprintf(": it was built for %s, and the image has %s", want, have)
		return f.fix(fmt.Sprintf("build it for %s, or link it statically, or take a base image with %s", have, want))
	}
	return f.fix("link it statically, or take a base image that has " + interp)
}

// libc returns whose interpreter a path names.
func libc(interp string) string {
	switch base := path.Base(interp); {
	case strings.HasPrefix(base, "ld-musl-"):
		return "musl"
	case strings.HasPrefix(base, "ld-linux"), strings.HasPrefix(base, "ld64.so"), base == "ld.so.1":
		return "glibc"
	}
	return ""
}

// libcs returns which one the image has, by the interpreters that it holds.
func (s *start) libcs() string {
	for _, f := range s.tree.Executables() {
		if c := libc(f.Path); c != "" {
			return c
		}
	}
	return ""
}

// script follows the "#!" line, and then the words that the script was given: scripts
// that prepare something mostly start what they are given at the end.
func (s *start) script(found rootfs.Found, args []string, sure bool, depth int) {
	f := found.Node.Exe
	switch {
	case f.Interp == "":
		if sure {
			s.say(errorf(KindInterpreter, "/%s begins with an empty #! line", found.Path).in(found.Path, ""), found.Layer)
		}
		return
	case strings.HasSuffix(f.Interp, "\r") || strings.HasSuffix(f.Arg, "\r"):
		if sure {
			s.say(errorf(KindInterpreter, "the #! line of /%s ends in a carriage return: %q", found.Path, strings.TrimSpace(f.Interp+" "+f.Arg)+"\r").
				in(found.Path, "").fix("save it with Unix line ends"), found.Layer)
		}
		return
	}
	line := []string{s.system.absolute(f.Interp)}
	if f.Arg != "" {
		line = append(line, f.Arg)
	}
	if _, err := s.tree.Lookup(line[0]); errors.Is(err, fs.ErrNotExist) && sure {
		s.say(errorf(KindInterpreter, "/%s begins with #!%s, which is not in the image", found.Path, f.Interp).in(found.Path, "").pair("", f.Interp), found.Layer)
	} else {
		s.follow(append(line, "/"+found.Path), sure, depth+1)
	}
	if len(args) > 0 {
		s.follow(args, false, depth+1)
	}
}
