package arch

import (
	"fmt"
	"strings"

	"github.com/containerd/platforms"
)

// Fit is how well one platform does for another; a higher Fit is the better one.
type Fit int

// The fits, from worst to best.
const (
	No         Fit = iota // it will not run
	Runs                  // another architecture that the same processor runs: 386 on amd64, arm on arm64
	Compatible            // a lower variant of the same architecture, or an older Windows that the newer one runs
	Exact                 // the same
)

// String returns the name of the fit in lower case.
func (f Fit) String() string {
	switch f {
	case Runs:
		return "runs"
	case Compatible:
		return "compatible"
	case Exact:
		return "exact"
	}
	return "no"
}

// Match says how well an image for have does where want is asked for, and why in a few words.
// For Windows, os.version matches by build (10.0.17763.x), from 10.0.20348 on also backwards
// to the release before; where either has none, any will do. Features that have needs must be
// in want. An incomplete platform and an attestation fit nothing.
func Match(want, have Platform) (Fit, string) {
	w, h := want.Normalize(), have.Normalize()
	if h.OS == "" || h.Architecture == "" {
		return No, "the image names no platform"
	}
	if h.IsAttestation() {
		return No, "unknown/unknown is an attestation, not a platform"
	}
	if why := systemMisfit(w, h); why != "" {
		return No, why
	}
	return matchArchitecture(w, h)
}

// systemMisfit asks containerd about all but the architecture; empty means that it fits.
func systemMisfit(w, h Platform) string {
	if w.OS != h.OS {
		return fmt.Sprintf("the operating system is %s, not %s", printable(h.OS), printable(w.OS))
	}
	asked := w
	asked.Architecture, asked.Variant = h.Architecture, h.Variant
	if platforms.NewMatcher(asked.spec()).Match(h.spec()) {
		return ""
	}
	h.OSFeatures = ""
	if platforms.NewMatcher(asked.spec()).Match(h.spec()) {
		return "it needs a feature of the operating system that was not asked for"
	}
	return fmt.Sprintf("%s %s does not run on %s", h.OS, printable(h.OSVersion), printable(w.OSVersion))
}

func matchArchitecture(w, h Platform) (Fit, string) {
	sameArch := w.Architecture == h.Architecture
	switch {
	case sameArch && w.Variant == h.Variant && build(w) != build(h) && build(w) != "" && build(h) != "":
		return Compatible, fmt.Sprintf("windows %s runs on %s", printable(h.OSVersion), printable(w.OSVersion))
	case sameArch && w.Variant == h.Variant:
		return Exact, "exactly " + w.Short()
	case !fallsBackTo(w, h) && sameArch:
		return No, fmt.Sprintf("it needs %s, and that is more than %s", h.Short(), w.Short())
	case !fallsBackTo(w, h):
		return No, fmt.Sprintf("the architecture is %s, not %s", printable(h.Architecture), printable(w.Architecture))
	case sameArch:
		return Compatible, fmt.Sprintf("%s runs on %s", h.Short(), w.Short())
	}
	return Runs, fmt.Sprintf("%s runs on %s, as a 32-bit program", h.Short(), w.Short())
}

// fallsBackTo asks containerd, but only from a variant that is known: it would count down from
// any number, and an unknown one promises nothing.
func fallsBackTo(w, h Platform) bool {
	return (w.Variant == "" || w.knownVariant()) && platforms.Only(w.spec()).Match(h.spec())
}

// build returns the first three numbers of the version of Windows, 10.0.17763, or nothing.
func build(p Platform) string {
	numbers := strings.SplitN(p.OSVersion, ".", 4)
	if p.OS != "windows" || len(numbers) < 3 {
		return ""
	}
	return strings.Join(numbers[:3], ".")
}
