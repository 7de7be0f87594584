package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/binfmt"
	"github.com/dray-oci/dray/arch/verify/cuda"
)

// A Host is a machine that images shall run on, as far as it is known.
type Host struct {
	Platform  arch.Platform    // what runs without help
	Emulators []binfmt.Handler // what else the kernel knows to start
	Unseen    bool             // there may be emulators that cannot be seen
	Driver    *cuda.Driver     // of NVIDIA GPUs; nil if none is loaded
	NoDriver  string           // why Driver is nil though there may be one
	Notes     []string         // what a person should know about the machine
}

// HostOf returns what is known of m, the machine that this program runs on, whose root
// of the file system is fsys ([os.DirFS]("/")). Where images run in a virtual machine, only
// its platform is known.
func HostOf(m arch.Machine, fsys fs.FS) Host {
	h := Host{Platform: m.Runner(), Notes: m.Notes()}
	if m.IsVM() {
		h.Unseen, h.NoDriver = true, "the engine's virtual machine cannot be looked into"
		return h
	}
	var err error
	if h.Emulators, err = binfmt.Read(fsys); err != nil {
		h.Unseen = true
	}
	driver, err := cuda.ReadDriver(fsys)
	switch {
	case err == nil:
		h.Driver = &driver
	case !errors.Is(err, fs.ErrNotExist):
		h.NoDriver = err.Error()
	}
	return h
}

// How is the way in which an image runs on a host.
type How string

// The ways, from best to worst.
const (
	Exactly    How = "exact"
	Compatibly How = "compatible" // a lower variant, or an older Windows
	Besides    How = "runs"       // a 32-bit program on a 64-bit processor
	Emulated   How = "emulated"
	Unknown    How = "unknown" // not by itself, and whether emulated cannot be seen
	NotAtAll   How = "no"
)

// Runs reports whether an image runs that way.
func (h How) Runs() bool { return h != Unknown && h != NotAtAll }

// An Answer says which platform of an image a host takes, and whether it runs there.
type Answer struct {
	Host     string          `json:"host"`
	How      How             `json:"how"`
	Platform string          `json:"platform,omitempty"` // the one that is taken; empty if none
	Digest   string          `json:"digest,omitempty"`
	Reason   string          `json:"reason"`
	GPU      *cuda.Judgement `json:"gpu,omitempty"` // nil unless the image is one for GPUs
	Notes    []string        `json:"notes,omitempty"`

	Index int `json:"-"` // of the platform in the survey; -1 if none
}

// For says which of the platforms h takes. The order of the platforms does not matter
// but for equal ones, and for emulated ones: of these the first is taken.
func (s *Survey) For(h Host) Answer {
	entries := make([]arch.Platform, len(s.Platforms))
	for i, r := range s.Platforms {
		entries[i] = r.platform
	}
	a := Answer{Host: h.Platform.Short(), Notes: h.Notes, Index: -1}
	if i, fit := arch.SelectRunnable(entries, h.Platform); i >= 0 {
		_, why := arch.Match(h.Platform, entries[i])
		a.take(s, i, map[arch.Fit]How{arch.Exact: Exactly, arch.Compatible: Compatibly, arch.Runs: Besides}[fit], why)
	} else if i, handler := h.emulated(entries); i >= 0 {
		a.take(s, i, Emulated, emulation(entries[i], handler))
	} else {
		a.How, a.Reason = h.refusal(entries)
	}
	if a.Index >= 0 {
		a.judgeGPU(s.Platforms[a.Index].env, h)
	}
	return a
}

func (a *Answer) take(s *Survey, i int, how How, why string) {
	a.Index, a.How, a.Reason = i, how, why
	a.Platform, a.Digest = s.Platforms[i].Platform, s.Platforms[i].Digest
}

// emulated returns the first entry that an emulator is there for, best one whose emulator
// works in containers.
func (h Host) emulated(entries []arch.Platform) (int, binfmt.Handler) {
	found, by := -1, binfmt.Handler{}
	for i, p := range entries {
		p = p.Normalize()
		handler, ok := binfmt.For(h.Emulators, p.Architecture)
		if ok && p.OS == "linux" && (found < 0 || handler.WorksInContainers() && !by.WorksInContainers()) {
			found, by = i, handler
		}
	}
	return found, by
}

func emulation(p arch.Platform, h binfmt.Handler) string {
	text := fmt.Sprintf("%s runs through the emulator %s (%s)", p.Short(), h.Name, h.Interpreter)
	if !h.WorksInContainers() {
		text += ", which is registered without the flag F: the image itself must have it"
	}
	return text
}

// refusal says why none of the entries runs.
func (h Host) refusal(entries []arch.Platform) (How, string) {
	if len(entries) == 0 {
		return NotAtAll, "the image has no platform"
	}
	var whys []string
	for _, p := range entries {
		_, why := arch.Match(h.Platform, p)
		whys = append(whys, fmt.Sprintf("%s: %s", p.Short(), why))
	}
	reason := strings.Join(whys[:min(len(whys), 20)], "; ")
	if h.Unseen {
		return Unknown, reason + "; whether there is an emulator cannot be seen here"
	}
	return NotAtAll, reason + "; there is no emulator"
}

func (a *Answer) judgeGPU(env []string, h Host) {
	j := cuda.Judge(env, h.Driver)
	if !j.Wanted {
		return
	}
	if h.NoDriver != "" {
		for i, f := range j.Facts {
			if f == cuda.NoDriver {
				j.Facts[i] = "which NVIDIA driver there is, is unknown: " + h.NoDriver
			}
		}
	}
	a.GPU = &j
}
