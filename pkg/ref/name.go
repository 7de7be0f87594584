package ref

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	dockerHub      = "docker.io"
	officialPrefix = "library/"
	defaultTag     = "latest"
)

// Name is an image name at a registry, always in full: Host and Repository are set. The zero
// Name is no name.
type Name struct {
	Host       string        // "docker.io", "localhost:5000", "[::1]:5000"
	Repository string        // "library/alpine"
	Tag        string        // empty only where Digest is set, and in names of repositories
	Digest     digest.Digest // sha256 or sha512; empty if none was given
}

// String returns the name in full: docker.io/library/alpine:3.20@sha256:…
func (n Name) String() string {
	if n.Digest == "" {
		return n.Tagged()
	}
	return n.Tagged() + "@" + n.Digest.String()
}

// Tagged returns the name in full without the digest; without a tag if there is none.
func (n Name) Tagged() string {
	if n == (Name{}) {
		return ""
	}
	return n.Host + "/" + n.Repository + tagSuffix(n.Tag)
}

// Familiar returns the name as short as docker shows it: alpine:3.20. What must stand for the
// name to be read back as the same, stays: docker.io/localhost/app:1.
func (n Name) Familiar() string {
	full := n.String()
	short, ok := strings.CutPrefix(full, dockerHub+"/")
	if !ok {
		return full
	}
	for _, s := range []string{strings.TrimPrefix(short, officialPrefix), short} {
		if back, err := parseParts(s); err == nil && back == n {
			return s
		}
	}
	return full
}

// Identifier is what a registry is asked for: the digest if there is one, else the tag.
func (n Name) Identifier() string {
	if n.Digest != "" {
		return n.Digest.String()
	}
	return n.Tag
}

// WithTag returns the name with this tag in place of its own; the digest stays.
func (n Name) WithTag(tag string) Name {
	n.Tag = tag
	return n
}

// WithDigest returns the name with this digest in place of its own; the tag stays.
func (n Name) WithDigest(d digest.Digest) Name {
	n.Digest = d
	return n
}

// Base returns the name of the repository: no tag, no digest.
func (n Name) Base() Name {
	return Name{Host: n.Host, Repository: n.Repository}
}

func tagSuffix(tag string) string {
	if tag == "" {
		return ""
	}
	return ":" + tag
}
