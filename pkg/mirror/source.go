package mirror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Source is what a rule's From means.
type Source struct {
	// Ref is the place. For a registry it is one repository, or with a pattern the
	// registry itself: then only Name.Host is set.
	Ref ref.Ref
	// IsImage says that Ref names one image, and there is nothing to choose.
	IsImage bool

	repositories *pattern // nil: no pattern
}

// IsPattern reports whether the repositories have to be listed: those of the registry
// Ref.Name.Host, or of a store.
func (s Source) IsPattern() bool { return s.repositories != nil }

// compile checks the rule, and makes of it what it means.
func (r *Rule) compile(platforms []string) (err error) {
	if r.From == "" {
		return errors.New("from is missing")
	}
	if r.Source, err = parseSource(r.From); err != nil {
		return err
	}
	if r.except, err = parsePatterns("except", r.Except); err != nil {
		return err
	}
	r.excepts = make([]bool, len(r.except))
	if len(r.Platforms) == 0 {
		r.Platforms = platforms
	}
	if r.Selection, err = arch.ParseList(r.Platforms); err != nil {
		return fmt.Errorf("platforms: %w", err)
	}
	if err := r.Tags.compile(); err != nil {
		return err
	}
	if to := strings.TrimSuffix(r.To, "/"); r.To != "" {
		if _, err := ref.ParseRepository(to); err != nil {
			return fmt.Errorf("to: %w", err)
		}
	}
	one := r.Source.Ref.Kind == ref.Registry && !r.Source.IsPattern()
	switch {
	case r.Source.IsImage && !r.Tags.isZero():
		return fmt.Errorf("%s is one image: there are no tags to choose", r.From)
	case len(r.Except) > 0 && one:
		return fmt.Errorf("%s is one repository: there is nothing to except", r.From)
	case r.Source.IsPattern() && r.To != "" && !strings.HasSuffix(r.To, "/"):
		return fmt.Errorf("to: %q would be the name of several repositories: end it in \"/\"", r.To)
	}
	return nil
}

func parseSource(from string) (Source, error) {
	rest, kind := from, ref.Registry
	if s, ok := strings.CutPrefix(from, "store:"); ok {
		rest, kind = s, ref.Store
	} else if s, ok := strings.CutPrefix(from, "docker://"); ok {
		rest = s
	}
	if isGlob(rest) && (kind == ref.Store || isName(from)) {
		return parseGlob(rest, kind)
	}
	r, err := ref.Parse(from)
	if err != nil {
		return Source{}, err
	}
	switch {
	case r.Kind == ref.DockerDaemon || r.Kind == ref.ContainersStorage:
		return Source{}, fmt.Errorf("%s is an engine: save its images to an archive, or copy them to the store", r)
	case r.Path == "-":
		return Source{}, errors.New("standard input cannot be kept in step")
	case r.Kind == ref.Registry || r.Kind == ref.Store && rest != "":
		base, err := ref.ParseRepository(rest)
		if err != nil {
			return Source{Ref: r, IsImage: true}, nil
		}
		r.Name = base
		return Source{Ref: r}, nil
	}
	return Source{Ref: r, IsImage: r.Image != "" || r.Name != (ref.Name{})}, nil
}

// isName reports whether from, but for its wildcards, is a name at a registry.
func isName(from string) bool {
	r, err := ref.Parse(strings.Map(func(c rune) rune {
		if strings.ContainsRune("*?[]!^", c) {
			return 'x'
		}
		return c
	}, from))
	return err == nil && r.Kind == ref.Registry
}

// parseGlob reads HOST/PATTERN of a registry, or a pattern of names in the store.
func parseGlob(s string, kind ref.Kind) (Source, error) {
	if kind == ref.Store {
		p, err := parsePattern(s)
		return Source{Ref: ref.Ref{Kind: ref.Store, Explicit: true}, repositories: &p}, err
	}
	host, repositories, ok := strings.Cut(s, "/")
	if !ok || isGlob(host) || !looksLikeHost(host) {
		return Source{}, fmt.Errorf("%q is no pattern of repositories: write HOST/PATTERN; Docker Hub does not list what it has", s)
	}
	host, err := ref.ParseHost(host)
	if err != nil {
		return Source{}, err
	}
	p, err := parsePattern(repositories)
	return Source{Ref: ref.Ref{Kind: ref.Registry, Name: ref.Name{Host: host}, Explicit: true}, repositories: &p}, err
}

// looksLikeHost: by docker's rules the first part of a name is a host only then.
func looksLikeHost(s string) bool { return s == "localhost" || strings.ContainsAny(s, ".:") }

// Takes reports whether the rule means the repository, of which only Host and
// Repository are looked at. Patterns are held against the path at a registry, and
// against the full name in other places; those in Except against both. It is not
// safe for concurrent use: see [Rule.Idle].
func (r *Rule) Takes(n ref.Name) bool {
	full := n.Base().String()
	taken := false
	switch s := r.Source; {
	case s.repositories == nil:
		taken = s.Ref.Name == (ref.Name{}) || s.Ref.Name.Base() == n.Base()
	case s.Ref.Kind == ref.Store:
		taken = s.repositories.matches(full)
	default:
		taken = s.repositories.matches(n.Repository)
	}
	if !taken {
		return false
	}
	for i, p := range r.except {
		if p.matches(full) || p.matches(n.Repository) {
			r.excepts[i], taken = true, false
		}
	}
	return taken
}

// Idle returns those of Except for which [Rule.Takes] has left out nothing so far.
func (r *Rule) Idle() []string {
	var idle []string
	for i, used := range r.excepts {
		if !used {
			idle = append(idle, r.Except[i])
		}
	}
	return idle
}

// Select returns those of tags that the rule takes, each once: sorted, or by version,
// the highest first, where the rule goes by versions.
func (r *Rule) Select(tags []string) []string { return r.Tags.choose(tags) }
