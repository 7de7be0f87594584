package arch

import (
	"strconv"
	"strings"
)

// maxInputBytes bounds one platform; the longest real one has some 50 bytes.
const maxInputBytes = 256

// Parse reads os/arch[/variant], with the version and features of the operating system written
// as windows/amd64:10.0.17763+win32k or, as containerd does, windows(10.0.17763+win32k)/amd64.
// An architecture alone is for linux. An operating system alone is refused: it would silently
// mean the architecture of this machine. Besides the words that [Platform.Normalize] knows, it
// takes those of uname and Debian (i686, armv7l, ppc64el, …) and of Docker Hub (arm64v8).
//
// The result is normalised; whether there is such a platform, [Platform.Valid] says. The error
// is always a [*SyntaxError].
func Parse(s string) (Platform, error) {
	if len(s) > maxInputBytes {
		return Platform{}, &SyntaxError{Input: s, Why: "it is too long"}
	}
	rest, version, hasColon := strings.Cut(s, ":")
	parts := strings.Split(rest, "/")
	if os, inner, ok := strings.Cut(parts[0], "("); ok && !hasColon && strings.HasSuffix(inner, ")") {
		parts[0], version = os, strings.TrimSuffix(inner, ")")
	}
	for _, part := range parts {
		if !isWord(part) || hasColon && version == "" {
			return Platform{}, &SyntaxError{Input: s, Why: "it is not of the form os/arch[/variant]", Advice: "as in linux/arm64 or linux/arm/v7"}
		}
	}
	p, err := fromParts(s, parts)
	if err != nil {
		return Platform{}, err
	}
	if err := p.setOSOptions(version); err != nil {
		err.Input = s
		return Platform{}, err
	}
	return p.Normalize(), nil
}

func fromParts(s string, parts []string) (Platform, *SyntaxError) {
	switch len(parts) {
	case 1:
		word := Platform{OS: parts[0], Architecture: parts[0]}.Normalize()
		if isKnownOS(word.OS) {
			return Platform{}, &SyntaxError{Input: s, Why: "the architecture is missing", Advice: "write " + word.OS + "/ARCH, as in " + word.OS + "/amd64"}
		}
		p := withArchitecture("linux", parts[0], "")
		if !isKnownArchitecture(p.Normalize().Architecture) {
			return Platform{}, &SyntaxError{Input: s, Why: "there is no such architecture", Advice: "write os/arch[/variant], as in linux/arm64"}
		}
		return p, nil
	case 2:
		return withArchitecture(parts[0], parts[1], ""), nil
	case 3:
		return withArchitecture(parts[0], parts[1], parts[2]), nil
	}
	return Platform{}, &SyntaxError{Input: s, Why: "it has more than three parts", Advice: "write os/arch[/variant]"}
}

// withArchitecture puts Go's word for the words of other worlds. Only what people type goes
// this way: an index that says armv7l is wrong, and stays so.
func withArchitecture(os, architecture, variant string) Platform {
	p := Platform{OS: os, Architecture: strings.ToLower(architecture), Variant: variant}
	switch p.Architecture {
	case "x86", "i486", "i586", "i686":
		p.Architecture = "386"
	case "x64":
		p.Architecture = "amd64"
	case "arm64v8":
		p.Architecture = "arm64"
	case "ppc64el":
		p.Architecture = "ppc64le"
	case "mipsel":
		p.Architecture = "mipsle"
	case "mips64el":
		p.Architecture = "mips64le"
	case "arm32v5", "armv5l":
		p.Architecture, p.Variant = "arm", "v5"
	case "arm32v6", "armv6l":
		p.Architecture, p.Variant = "arm", "v6"
	case "arm32v7", "armv7l":
		p.Architecture, p.Variant = "arm", "v7"
	case "armv8l":
		p.Architecture, p.Variant = "arm", "v8"
	}
	return p
}

// setOSOptions reads VERSION[+FEATURE…].
func (p *Platform) setOSOptions(s string) *SyntaxError {
	if s == "" {
		return nil
	}
	version, features, hasFeatures := strings.Cut(s, "+")
	words := strings.Split(features, "+")
	if hasFeatures {
		p.OSFeatures = joinFeatures(words)
	} else {
		words = nil
	}
	if version != "" {
		p.OSVersion = version
		words = append(words, version)
	}
	for _, word := range words {
		if !isWord(word) {
			return &SyntaxError{Why: strconv.Quote(word) + " is no version and no feature of an operating system"}
		}
	}
	return nil
}

// SyntaxError says why a string is no platform. What came from outside is quoted in it and cut.
type SyntaxError struct {
	Input  string
	Why    string
	Advice string // empty if there is none
}

// Error is one line: what was given, and why it is refused.
func (e *SyntaxError) Error() string {
	return "parsing platform " + quoteCut(e.Input) + ": " + e.Why
}

// Hint says what to write instead; it may be empty.
func (e *SyntaxError) Hint() string {
	return e.Advice
}

func quoteCut(s string) string {
	if len(s) > maxPrintedBytes {
		return strconv.Quote(s[:maxPrintedBytes]) + "…"
	}
	return strconv.Quote(s)
}
