package ref

import "strings"

// startsLikePath reports whether s is a path by its beginning: on every system the same, so
// that a list of names means the same wherever it is read.
func startsLikePath(s string) bool {
	switch s {
	case "-", ".", "..":
		return true
	}
	for _, prefix := range []string{"/", "./", "../", `\`, `.\`, `..\`} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return driveLen(s) > 0
}

func endsLikeArchive(s string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".parts.json"} {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	dot := strings.LastIndexByte(s, '.')
	return dot > 0 && strings.HasSuffix(s[:dot], ".tar") && isPart(s[dot+1:])
}

// isPart reports whether s follows the name of an archive where that is cut: 001, or p01
// for parity.
func isPart(s string) bool {
	digits, parity := strings.CutPrefix(s, "p")
	return (len(digits) == 3 || parity && len(digits) == 2) && strings.Trim(digits, "0123456789") == ""
}

// driveLen returns 2 if s starts with a drive, a letter before ":\" or ":/", else 0.
func driveLen(s string) int {
	if len(s) < 3 || s[1] != ':' || s[2] != '\\' && s[2] != '/' {
		return 0
	}
	if c := s[0] | 0x20; c < 'a' || c > 'z' {
		return 0
	}
	return 2
}

// splitImage parts "PATH:IMAGE" and "PATH@DIGEST". The path ends at the first colon after the
// drive, or before the "@sha256" that stands in front of this colon.
func splitImage(s string) (path, image string, err *SyntaxError) {
	drive := driveLen(s)
	colon := strings.IndexByte(s[drive:], ':')
	if colon < 0 {
		return s, "", nil
	}
	colon += drive
	path, image = s[:colon], s[colon+1:]
	for _, algorithm := range []string{"@sha256", "@sha512"} {
		if before, ok := strings.CutSuffix(path, algorithm); ok {
			return before, s[len(before):], nil
		}
	}
	if image == "" {
		return "", "", &SyntaxError{
			Why:    "there is no tag after the last colon",
			Advice: "leave the colon out to mean the only image there is",
		}
	}
	return path, image, nil
}

// checkImage judges what followed the path: for a docker archive an image name, for OCI forms
// anything made of the characters that the image specification allows in a reference name
// (annotations.md, org.opencontainers.image.ref.name) and the "_" that tags may begin with.
func checkImage(kind Kind, image string) *SyntaxError {
	name, dgst, hasDigest := strings.Cut(image, "@")
	if hasDigest {
		if err := checkDigest(dgst); err != nil {
			return err
		}
	}
	if name == "" {
		return nil
	}
	if kind == DockerArchive {
		_, err := parseName(image)
		return err
	}
	for i := range len(name) {
		if c := name[i]; !isWord(c) && (i == 0 || !strings.ContainsRune("-.:+/", rune(c))) {
			return &SyntaxError{
				Why:    quote(name) + " is no tag",
				Advice: "the path ends at the first colon; if the colon is part of the path, write it as a plain path: ./PATH",
			}
		}
	}
	return nil
}
