package config

import (
	"fmt"
	"strings"
)

// PullFromMirror says for which names a mirror may be asked. The values are those of
// registries.conf.
type PullFromMirror string

// What a mirror may be asked for.
const (
	PullAll      PullFromMirror = "all"
	PullByDigest PullFromMirror = "digest-only"
	PullByTag    PullFromMirror = "tag-only"
)

// Allows reports whether a mirror may be asked for an image by digest, or else by tag.
func (p PullFromMirror) Allows(byDigest bool) bool {
	switch p {
	case PullByDigest:
		return byDigest
	case PullByTag:
		return !byDigest
	default:
		return true
	}
}

// Endpoint is one host that serves a repository, under the name it has there.
type Endpoint struct {
	Host       string
	Repository string
	Insecure   bool // its certificate is not to be verified, and plain HTTP may be tried
	Mirror     bool
	Pull       PullFromMirror // for mirrors; PullAll for the registry itself
}

// BlockedError says that registries.conf forbids a registry.
type BlockedError struct {
	Name   string // host/repository
	Prefix string // the entry that says so
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s: blocked by the entry %q in registries.conf", e.Name, e.Prefix)
}

// Hint says where to allow it.
func (e *BlockedError) Hint() string {
	return fmt.Sprintf("if it should be allowed, take out blocked = true for %q in registries.conf", e.Prefix)
}

// Endpoints returns where a repository is read from, in order: the mirrors of
// registries.conf, then the registry itself, which a location there may have renamed. Host
// and repository are those of the name in full (docker.io, library/alpine). The error is a
// [*BlockedError] where reading is forbidden, and otherwise what is wrong in registries.conf.
//
// Short-name aliases and unqualified-search-registries have no say here: a bare name is
// Docker Hub's.
func (c *Config) Endpoints(host, repository string) ([]Endpoint, error) {
	r, err := c.registry(host, repository)
	if err != nil {
		return nil, err
	}
	var eps []Endpoint
	for _, m := range r.mirrors {
		ep := Endpoint{Insecure: m.insecure, Mirror: true, Pull: m.pull}
		if ep, err = c.rewrite(ep, host, repository, r.prefix, m.location); err != nil {
			return nil, err
		}
		eps = append(eps, ep)
	}
	own, err := c.rewrite(Endpoint{Insecure: r.insecure, Pull: PullAll}, host, repository, r.prefix, r.location)
	if err != nil {
		return nil, err
	}
	return append(eps, own), nil
}

// Direct returns the endpoint to write a repository to: no mirror and no other location, as
// podman pushes. Errors are those of [Config.Endpoints].
func (c *Config) Direct(host, repository string) (Endpoint, error) {
	r, err := c.registry(host, repository)
	if err != nil {
		return Endpoint{}, err
	}
	insecure := r.insecure || c.calledInsecure(host)
	return Endpoint{Host: host, Repository: repository, Insecure: insecure, Pull: PullAll}, nil
}

// registry finds the entry with the longest prefix; the zero one if there is none.
func (c *Config) registry(host, repository string) (registry, error) {
	all, err := c.registries()
	if err != nil {
		return registry{}, err
	}
	var best registry
	name := host + "/" + repository
	for _, r := range all {
		if matched(name, r.prefix) > 0 && len(r.prefix) > len(best.prefix) {
			best = r
		}
	}
	if best.blocked {
		return registry{}, &BlockedError{name, best.prefix}
	}
	return best, nil
}

// matched returns how much of the name a prefix covers, 0 if it does not apply. A prefix
// without a port covers every port, as in podman.
func matched(name, prefix string) int {
	n := len(prefix)
	if strings.HasPrefix(prefix, "*.") {
		n = hostLen(name)
		if !strings.HasSuffix(name[:n], prefix[1:]) {
			return 0
		}
	} else if !strings.HasPrefix(name, prefix) {
		return 0
	}
	if n == len(name) || name[n] == '/' || name[n] == ':' {
		return n
	}
	return 0
}

// hostLen is the length of the host in a name, without its port.
func hostLen(name string) int {
	host, _, _ := strings.Cut(name, "/")
	return len(hostname(host))
}

// hostname is the host without port; an IPv6 address keeps its brackets.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// rewrite puts location in place of the prefix.
func (c *Config) rewrite(ep Endpoint, host, repository, prefix, location string) (Endpoint, error) {
	ep.Host, ep.Repository = host, repository
	if location != "" && location != prefix {
		name := host + "/" + repository
		moved := location + name[matched(name, prefix):]
		var err error
		if ep.Host, ep.Repository, err = splitName(moved); err != nil {
			return Endpoint{}, fmt.Errorf("rewriting %s to %s by registries.conf: %w", name, moved, err)
		}
	}
	ep.Insecure = ep.Insecure || c.calledInsecure(ep.Host)
	return ep, nil
}

// calledInsecure reports whether the user called the host insecure.
func (c *Config) calledInsecure(host string) bool {
	for _, h := range c.opts.Insecure {
		if strings.EqualFold(h, host) || strings.EqualFold(h, hostname(host)) {
			return true
		}
	}
	return false
}
