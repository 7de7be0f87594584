package verify

import (
	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify/internal/exe"
)

// A fit is how a program goes with a platform.
type fit int

const (
	neutral fit = iota // it says nothing: a script, managed code
	foreign            // it is for another machine
	besides            // it is for another one, which the same processor runs: 386 on amd64
	native             // it is for this machine
)

// fitOf holds a program against the platform that its image passes for, and says for
// which platform it is, and why it does not fit.
func fitOf(claim arch.Platform, f *exe.File) (best fit, found arch.Platform, why string) {
	if f.Neutral || f.Format == exe.Script || claim.OS == "" {
		return neutral, arch.Platform{}, ""
	}
	best, why = foreign, "it is for "+f.Machine
	for _, t := range f.Targets {
		t = complete(claim, t)
		got, reason := fitOfTarget(claim, t)
		if got > best || found.OS == "" {
			best, found, why = got, t, reason
		}
	}
	return best, found, why
}

func fitOfTarget(claim, t arch.Platform) (fit, string) {
	switch m, why := arch.Match(claim, t); m {
	case arch.Exact, arch.Compatible:
		return native, ""
	case arch.Runs:
		return besides, why
	default:
		return foreign, why
	}
}

// complete gives t what it does not say itself: an unknown level is taken for the one
// asked for, and WebAssembly goes by several names.
func complete(claim, t arch.Platform) arch.Platform {
	c := claim.Normalize()
	if t.Architecture == c.Architecture && t.Variant == "" {
		t.Variant = c.Variant
	}
	if t.Architecture == "wasm" && (c.Architecture == "wasm" || c.Architecture == "wasm32") {
		t.OS, t.Architecture = c.OS, c.Architecture
	}
	return t
}
