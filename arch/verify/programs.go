package verify

import (
	"maps"
	"slices"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
)

// maxListed is how many programs are listed one by one that have the same fault.
const maxListed = 10

// A program is a file that was judged.
type program struct {
	rootfs.Found
	started bool // the image starts it, or what it starts is started with it
	excused bool // it is plainly there for another machine, or nothing that is started
	fit     fit
	target  arch.Platform
	why     string
}

// judgePrograms sets the verdict that the programs in the layers ask for.
func (m *image) judgePrograms(tables []*rootfs.Layer, binaries Binaries, p *peeker) {
	claim := m.claim()
	tree := rootfs.New(tables, claim.Normalize().OS == "windows")
	s := newStart(tree, m.config.Config, claim)
	s.peeker = p
	s.run()
	m.addIn(s.findings)
	programs := s.programs
	if binaries == All || len(s.argv) == 0 && !s.unread {
		programs = withAll(programs, tree.Executables())
	}
	if s.unread {
		m.add(notef(KindUnread, "what the image starts may stand in a layer that could not be read"))
	}
	m.conclude(programs)
	if binaries == All {
		m.judgeLibraries(tree, programs)
	}
}

// addIn adds findings that have the index of a layer for its digest.
func (m *image) addIn(fs []located) {
	for _, f := range fs {
		if f.layer >= 0 && f.layer < len(m.doc.Image.Layers) {
			f.Layer = m.doc.Image.Layers[f.layer].Digest.String()
		}
		m.add(f.Finding)
	}
}

// withAll adds all executables to those that are started, each file once.
func withAll(started []program, all []rootfs.Found) []program {
	seen := map[string]bool{}
	for _, p := range started {
		seen[p.Path] = true
	}
	programs := slices.Clone(started)
	for _, f := range all {
		if !seen[f.Path] {
			programs = append(programs, program{Found: f})
		}
	}
	return programs
}

// conclude holds the programs against what index and config say, and sets the verdict.
func (m *image) conclude(programs []program) {
	claim := m.claim()
	c := judgeFor(claim, programs)
	if config := arch.FromV1(m.config.Platform()); m.label != nil && m.index.OS != "" && config.OS != "" {
		if other := judgeFor(config, programs); !c.isNative() && other.isNative() {
			m.row.Binaries = targets(programs)
			m.label.Text += "; the programs are for " + config.Short()
			m.label.Fix = "list it in the index as " + config.Short()
			return
		}
		c = judgeFor(claim, programs)
		if c.isNative() {
			m.label.Text += "; the programs are for " + claim.Short()
			m.label.Fix = "build it again so that the config says " + claim.Short()
		}
	}
	m.row.Binaries = targets(programs)
	m.row.Verdict = c.verdict()
	m.listForeign(programs, c)
}

// A count is how many programs fit how well.
type count struct{ native, besides, foreign, excused int }

// isNative reports whether programs were found and none of them is wrong.
func (c count) isNative() bool { return c.native > 0 && c.foreign == 0 }

func (c count) verdict() Verdict {
	switch {
	case c.native == 0 && c.foreign+c.besides > 0:
		return Content
	case c.foreign > 0:
		return Mixed
	case c.native == 0:
		return NoCode
	}
	return OK
}

// judgeFor judges every program for claim.
func judgeFor(claim arch.Platform, programs []program) (c count) {
	for i := range programs {
		p := &programs[i]
		p.fit, p.target, p.why = fitOf(claim, p.Node.Exe)
		p.excused = p.fit == foreign && !p.started && isExcused(claim, *p)
		switch {
		case p.excused:
			c.excused++
		case p.fit == foreign:
			c.foreign++
		case p.fit == besides:
			c.besides++
		case p.fit == native:
			c.native++
		}
	}
	if c.native+c.besides+c.foreign == 0 && c.excused > 0 {
		c.foreign += unexcuse(claim, programs)
		c.excused -= c.foreign
	}
	return c
}

// unexcuse takes excuses back where there is nothing else that could be started.
func unexcuse(claim arch.Platform, programs []program) (n int) {
	for i := range programs {
		if p := &programs[i]; p.excused && p.target.OS == claim.Normalize().OS && p.Node.IsExecutable() {
			p.excused = false
			n++
		}
	}
	return n
}

// targets lists what the programs are for, the most frequent first.
func targets(programs []program) string {
	counts := map[string]int{}
	for _, p := range programs {
		if p.fit != neutral && !p.excused && p.target.OS != "" {
			counts[p.target.Short()]++
		}
	}
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	return strings.Join(names, ",")
}

// listForeign adds a finding for every program that is for another machine, the first
// ones of many, and one for those that are excused.
func (m *image) listForeign(programs []program, c count) {
	expected, listed := m.claim().Short(), 0
	var excused []program
	for _, p := range programs {
		wrong := p.fit == foreign || p.fit == besides && c.native == 0
		switch {
		case p.excused:
			excused = append(excused, p)
		case wrong && listed < maxListed:
			listed++
			f := errorf(KindMachine, "/%s is for %s: %s", p.Path, foundText(p), p.why)
			m.addIn([]located{{f.in(p.Path, "").pair(foundText(p), expected), p.Layer}})
		case wrong:
			listed++
		}
	}
	if listed > maxListed {
		m.add(errorf(KindMachine, "%d more files are for another machine", listed-maxListed))
	}
	if len(excused) > 0 {
		m.add(notef(KindForeign, "%d files are for other machines and not started here, such as /%s (%s)", len(excused), excused[0].Path, excused[0].Node.Exe).
			in(excused[0].Path, ""))
	}
}

func foundText(p program) string {
	if p.target.OS == "" {
		return p.Node.Exe.Machine
	}
	return p.target.Short()
}
