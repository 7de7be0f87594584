package verify

import "slices"

// A Verdict is what is said of one platform.
type Verdict string

// The verdicts. When several would be right, the one that stands later here is given.
const (
	OK      Verdict = "OK"
	NoCode  Verdict = "NOCODE"  // there is nothing to judge in it; passes
	Label   Verdict = "LABEL"   // index and config disagree, or one of them is wrong and the programs are right
	Mixed   Verdict = "MIXED"   // some programs are for another machine
	Content Verdict = "CONTENT" // the programs are for another machine
	Corrupt Verdict = "CORRUPT" // bytes do not match what names them
	Missing Verdict = "MISSING" // something is named but not there
)

// Passes reports whether the verdict is a good one.
func (v Verdict) Passes() bool { return v == OK || v == NoCode }

func (v Verdict) rank() int {
	return slices.Index([]Verdict{OK, NoCode, Label, Mixed, Content, Corrupt, Missing}, v)
}

// A Report is the whole answer. Its JSON form is part of the command line's contract.
// Strings in it come from outside and are not safe to print unquoted.
type Report struct {
	Reference string     `json:"reference"`
	Digest    string     `json:"digest"`
	OK        bool       `json:"ok"`
	Platforms []Platform `json:"platforms"` // in the order of the index
	Findings  []Finding  `json:"findings"`  // on the image as a whole
	Layers    Coverage   `json:"layers"`
}

// A Platform is what was found out about one image of an index, or about the only one.
type Platform struct {
	Platform string    `json:"platform"` // what it passes for
	Digest   string    `json:"digest"`   // of its manifest; empty if there is none
	Index    string    `json:"index"`    // what the index says; empty if nothing
	Config   string    `json:"config"`   // what the config says; empty if nothing
	Binaries string    `json:"binaries"` // what the programs are for, parted by commas; empty if none was looked at
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// Coverage says how much was read. Each layer counts once.
type Coverage struct {
	Total int   `json:"total"` // layers that there are
	Read  int   `json:"read"`  // of them, read whole and hashed
	Toc   int   `json:"toc"`   // of them, known by their tables of contents alone
	Bytes int64 `json:"bytes"` // of the layers that were read whole, compressed
}

// A Severity is how much a finding matters.
type Severity string

// The severities. Only an Error makes a verification fail.
const (
	Error   Severity = "error"
	Warning Severity = "warning" // it may well be wrong, but engines cope
	Note    Severity = "note"    // a fact worth knowing
)

// A Finding is one thing that was found.
type Finding struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path,omitempty"`   // in the image, without a slash in front
	Layer    string   `json:"layer,omitempty"`  // digest of the layer that has it
	Digest   string   `json:"digest,omitempty"` // of the manifest, config or other content at fault
	Found    string   `json:"found,omitempty"`
	Expected string   `json:"expected,omitempty"`
	Text     string   `json:"text"`          // all of that as a sentence
	Fix      string   `json:"fix,omitempty"` // what to do about it, if that is known
}

// settle sets the verdict of the platform, which what was found out about its programs
// has set so far, to the worst that its findings ask for.
func (p *Platform) settle() {
	for _, f := range p.Findings {
		if v := f.Kind.verdict(); f.Severity == Error && v.rank() > p.Verdict.rank() {
			p.Verdict = v
		}
	}
}

// settle sets OK from what stands in the report.
func (r *Report) settle() {
	r.OK = !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
	for _, p := range r.Platforms {
		r.OK = r.OK && p.Verdict.Passes()
	}
}
