package ref

import "strings"

// maxInputBytes bounds one string: twice the longest path of Linux (4096) leaves room for a
// path and the longest name behind it.
const maxInputBytes = 8192

// Parse says what s means; the package comment has the rules. It touches neither disk nor
// network. The error is always a [*SyntaxError].
func Parse(s string) (Ref, error) {
	if err := checkInput(s); err != nil {
		return Ref{}, err
	}
	if startsLikePath(s) {
		return Ref{Kind: Path, Path: s}, nil
	}
	if name, ok := strings.CutPrefix(s, "docker://"); ok {
		return parseNamed(s, Registry, name, true)
	}
	if rest, ok := strings.CutPrefix(s, "ssh://"); ok {
		return parseSSH(s, rest)
	}
	if err := checkForeign(s); err != nil {
		return Ref{}, err
	}
	word, rest, hasWord := strings.Cut(s, ":")
	switch kind := Kind(word); {
	case !hasWord: // "store" alone is an image of that name
	case isEngine(kind) && rest == "":
		return Ref{Kind: kind, Explicit: true}, nil
	case isEngine(kind):
		return parseNamed(s, kind, rest, true)
	case kind == OCIDir, kind == OCIArchive, kind == DockerArchive:
		return parseLocated(s, kind, rest)
	}
	if endsLikeArchive(s) {
		return Ref{Kind: Path, Path: s}, nil
	}
	return parseNamed(s, Registry, s, false)
}

// isEngine reports whether a place of that kind holds images by their full names.
// The place itself, without a name, is named too: it takes whatever is loaded into it.
func isEngine(k Kind) bool { return k == Store || k == DockerDaemon || k == ContainersStorage }

func parseNamed(input string, kind Kind, name string, explicit bool) (Ref, error) {
	n, err := parseName(name)
	if err != nil {
		err.Input = input
		return Ref{}, err
	}
	return Ref{Kind: kind, Name: n, Explicit: explicit}, nil
}

func parseLocated(input string, kind Kind, rest string) (Ref, error) {
	path, image, err := splitImage(rest)
	if err == nil && path == "" {
		err = &SyntaxError{Why: "there is no path after " + string(kind) + ":"}
	}
	if err == nil {
		err = checkImage(kind, image)
	}
	if err != nil {
		err.Input = input
		return Ref{}, err
	}
	return Ref{Kind: kind, Path: path, Image: image, Explicit: true}, nil
}

func checkInput(s string) *SyntaxError {
	switch {
	case s == "":
		return &SyntaxError{Input: s, Why: "the name is empty"}
	case len(s) > maxInputBytes:
		return &SyntaxError{Input: s, Why: "the name is too long"}
	case strings.ContainsRune(s, 0):
		return &SyntaxError{Input: s, Why: "the name holds a zero byte"}
	}
	return nil
}
