package ref

import "strings"

// checkForeign refuses the schemes of other tools, so that none is taken for an image name,
// and says what to write instead.
func checkForeign(s string) *SyntaxError {
	if scheme, _, ok := strings.Cut(s, "://"); ok && isScheme(scheme) {
		return &SyntaxError{Input: s, Why: "the scheme " + quote(scheme+"://") + " is not known", Advice: urlAdvice(scheme)}
	}
	word, _, ok := strings.Cut(s, ":")
	if !ok {
		return nil
	}
	if advice, ok := foreignAdvice(word); ok {
		return &SyntaxError{Input: s, Why: "the scheme " + quote(word+":") + " is not known", Advice: advice}
	}
	return nil
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && (i == 0 || !strings.ContainsRune("+.-", rune(c))) {
			return false
		}
	}
	return s != ""
}

func urlAdvice(scheme string) string {
	switch strings.ToLower(scheme) {
	case "http", "https":
		return "a registry is named without its scheme: HOST/REPOSITORY:TAG; an archive on a web server is downloaded first"
	case "file":
		return "write the path alone: /PATH or ./PATH"
	case "oci", "ocidir":
		return "an image at a registry is docker://NAME, an OCI layout is oci:DIR"
	case "store", "oci-archive", "docker-archive", "docker-daemon", "containers-storage":
		return "write it without the slashes: " + scheme + ":…"
	}
	if advice, ok := foreignAdvice(scheme); ok {
		return advice
	}
	return knownForms
}

const knownForms = "known are docker://NAME, store:NAME, oci:DIR, oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME, containers-storage:NAME, ssh://HOST/PLACE"

// foreignAdvice knows the words that stand before a colon in other tools and are no
// well-known image: "registry:2" and "docker:24" must stay images.
func foreignAdvice(word string) (string, bool) {
	switch word {
	case "dir":
		return "an OCI layout is oci:DIR; for an image named dir write docker://dir:TAG", true
	case "oci-dir", "oci-layout", "ocidir":
		return "an OCI layout is oci:DIR", true
	case "containerd":
		return "write it to a file with \"ctr images export FILE NAME\" and name the file", true
	case "podman":
		return "the image store of Podman is containers-storage:NAME, ssh://HOST/PLACE", true
	case "ostree", "sif", "atomic":
		return knownForms, true
	}
	return "", false
}
