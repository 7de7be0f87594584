package arch

import (
	"cmp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	spec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Platform is what an image runs on. It is comparable; two platforms mean the same if they are
// equal after [Platform.Normalize]. The fields may come from outside and hold anything.
type Platform struct {
	OS           string
	Architecture string
	Variant      string
	OSVersion    string // os.version, which counts for Windows only
	OSFeatures   string // os.features, sorted, without doubles, joined by "+"
}

// FromV1 takes a platform as it stands in an index entry, or as a config gives it; nil is the
// zero Platform. Nothing but the order of the features is changed; the reserved field Features
// is left out.
func FromV1(p *v1.Platform) Platform {
	if p == nil {
		return Platform{}
	}
	return Platform{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		OSVersion: p.OSVersion, OSFeatures: joinFeatures(p.OSFeatures),
	}
}

// ToV1 is the reverse of [FromV1].
func (p Platform) ToV1() v1.Platform {
	return v1.Platform{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		OSVersion: p.OSVersion, OSFeatures: p.features(),
	}
}

// IsAttestation reports whether p is unknown/unknown, the mark of an index entry that is an
// attestation: no platform, but a companion of one.
func (p Platform) IsAttestation() bool {
	return p.OS == "unknown" && p.Architecture == "unknown"
}

// Short returns the normalised form that people read: linux/arm64, linux/arm/v7,
// linux/amd64/v3, windows/amd64. It is safe to print, whatever the fields hold.
func (p Platform) Short() string {
	p = p.Normalize()
	s := printable(cmp.Or(p.OS, "unknown"))
	if p.Architecture != "" {
		s += "/" + printable(p.Architecture)
	}
	if p.Variant != "" {
		s += "/" + printable(p.Variant)
	}
	return s
}

// String is [Platform.Short] and, where there are any, the version and the features of the
// operating system: windows/amd64:10.0.17763.1+win32k. What [Parse] returned, it reads back.
func (p Platform) String() string {
	p = p.Normalize()
	s := p.Short()
	if p.OSVersion != "" || p.OSFeatures != "" {
		s += ":"
	}
	if p.OSVersion != "" {
		s += printable(p.OSVersion)
	}
	for _, feature := range p.features() {
		s += "+" + printable(feature)
	}
	return s
}

func (p Platform) spec() spec.Platform {
	return spec.Platform{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		OSVersion: p.OSVersion, OSFeatures: p.features(),
	}
}

func (p Platform) features() []string {
	if p.OSFeatures == "" {
		return nil
	}
	return strings.Split(p.OSFeatures, "+")
}

func joinFeatures(features []string) string {
	sorted := slices.DeleteFunc(slices.Sorted(slices.Values(features)), func(s string) bool { return s == "" })
	return strings.Join(slices.Compact(sorted), "+")
}

// maxPrintedBytes cuts a hostile field; real ones have some 20 bytes.
const maxPrintedBytes = 64

// printable returns a field as it is if it is made of what platforms are made of, else quoted.
func printable(s string) string {
	if isWord(s) && len(s) <= maxPrintedBytes {
		return s
	}
	return quoteCut(s)
}

// isWord: [A-Za-z0-9_.-]+, what containerd takes for a part of a platform.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return s != ""
}
