package ref

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// ParseName reads an image name by the rules of Docker (the grammar of
// github.com/distribution/reference): the first component is a host if it holds "." or ":" or
// an upper-case letter or is "localhost", else the host is docker.io, where one component alone
// stands in library/. Without tag and digest the tag is latest; "repo:tag@digest" keeps both.
// index.docker.io and registry-1.docker.io are docker.io. A digest or an image ID alone is
// refused. The error is always a [*SyntaxError].
func ParseName(s string) (Name, error) {
	n, err := parseName(s)
	if err != nil {
		return Name{}, err
	}
	return n, nil
}

// ParseRepository reads the name of a repository by the rules of [ParseName]; a tag or a digest
// is refused. The error is always a [*SyntaxError].
func ParseRepository(s string) (Name, error) {
	n, err := parseParts(s)
	if err != nil {
		return Name{}, err
	}
	if n.Tag != "" || n.Digest != "" {
		return Name{}, &SyntaxError{Input: s, Why: "a repository has no tag and no digest", Advice: "write " + n.Base().Familiar()}
	}
	return n, nil
}

// ParseHost reads the host of a registry, with or without its port, and returns it as it stands
// in [Name.Host]. The error is always a [*SyntaxError].
func ParseHost(s string) (string, error) {
	if err := checkInput(s); err != nil {
		return "", err
	}
	host := canonicalHost(s)
	if err := checkHost(host); err != nil {
		err.Input = s
		return "", err
	}
	return host, nil
}

func parseName(s string) (Name, *SyntaxError) {
	n, err := parseParts(s)
	if err == nil && n.Tag == "" && n.Digest == "" {
		n.Tag = defaultTag
	}
	return n, err
}

// parseParts reads a name and adds no tag to it.
func parseParts(s string) (Name, *SyntaxError) {
	err := checkInput(s)
	if err == nil {
		err = checkNoID(s)
	}
	if err != nil {
		return Name{}, err
	}
	rest, dgst, hasDigest := strings.Cut(s, "@")
	n := splitHost(rest)
	var hasTag bool
	n.Repository, n.Tag, hasTag = strings.Cut(n.Repository, ":")
	if n.Host == dockerHub && !strings.Contains(n.Repository, "/") {
		n.Repository = officialPrefix + n.Repository
	}
	n.Digest = digest.Digest(dgst)
	if err := n.check(hasTag, hasDigest); err != nil {
		err.Input = s
		return Name{}, err
	}
	return n, nil
}

// splitHost leaves the tag on the repository.
func splitHost(s string) Name {
	first, rest, ok := strings.Cut(s, "/")
	if !ok || !isHost(first) {
		return Name{Host: dockerHub, Repository: s}
	}
	return Name{Host: canonicalHost(first), Repository: rest}
}

// isHost reports whether the first of several components is a host.
func isHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:") || strings.ToLower(s) != s
}

func canonicalHost(s string) string {
	switch s {
	case "index.docker.io", "registry-1.docker.io":
		return dockerHub
	}
	return s
}

func (n Name) check(hasTag, hasDigest bool) *SyntaxError {
	err := checkHost(n.Host)
	if err == nil {
		err = checkRepository(n.Repository)
	}
	if err == nil && hasTag {
		err = checkTag(n.Tag)
	}
	if err == nil && hasDigest {
		err = checkDigest(n.Digest.String())
	}
	return err
}
