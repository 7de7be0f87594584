package mirror

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/ref"
)

// A Target is where everything goes.
type Target struct {
	// Ref is the place. For a registry its Name has the host, and as Repository what
	// stands before every repository there, or nothing.
	Ref ref.Ref
}

// ParseTarget reads REGISTRY[/PREFIX], store:, oci:DIR, or the path of an archive.
func ParseTarget(s string) (Target, error) {
	r, err := ref.Parse(s)
	isRegistry := err == nil && r.Kind == ref.Registry
	if name := strings.TrimSuffix(strings.TrimPrefix(s, "docker://"), "/"); isRegistry || err != nil && looksLikeHost(firstPart(name)) {
		return parseRegistry(name)
	}
	switch {
	case err != nil:
		return Target{}, err
	case r.Kind == ref.DockerDaemon || r.Kind == ref.ContainersStorage:
		return Target{}, fmt.Errorf("%s is an engine: images are kept in step with a registry, a layout, the store or an archive", r)
	case r.Name != (ref.Name{}) || r.Image != "":
		return Target{}, fmt.Errorf("%s is one image: name the place alone", r)
	case r.Kind == ref.SSH && r.Far != ref.Store && r.Far != ref.OCIDir:
		return Target{}, fmt.Errorf("%s: on another host the store and layouts are kept in step: ssh://%s/store:, ssh://%s/oci:DIR", r, r.Host, r.Host)
	case r.Path == "-":
		return Target{}, fmt.Errorf("standard output cannot be kept in step")
	}
	return Target{r}, nil
}

func firstPart(s string) string {
	first, _, _ := strings.Cut(s, "/")
	return first
}

func parseRegistry(s string) (Target, error) {
	host, prefix, _ := strings.Cut(s, "/")
	if !looksLikeHost(host) {
		return Target{}, fmt.Errorf("%q is no registry: write HOST[/PREFIX], docker.io/ORG for Docker Hub", s)
	}
	host, err := ref.ParseHost(host)
	if err != nil {
		return Target{}, err
	}
	n := ref.Name{Host: host}
	if prefix != "" {
		if _, err := ref.ParseRepository(host + "/" + prefix); err != nil {
			return Target{}, err
		}
		n.Repository = prefix
	}
	return Target{ref.Ref{Kind: ref.Registry, Name: n, Explicit: true}}, nil
}

// Name returns what the image from, taken by r, is called at the target. A registry
// gets from's repository below its prefix, any other place the full name; r.To
// changes the repository. from has a tag, or a digest and no tag.
func (t Target) Name(r *Rule, from ref.Name) (ref.Name, error) {
	repository := from.Repository
	if t.Ref.Kind != ref.Registry {
		repository = from.Base().String()
	}
	switch {
	case strings.HasSuffix(r.To, "/"):
		repository = r.To + from.Repository
	case r.To != "":
		repository = r.To
	}
	if t.Ref.Kind == ref.Registry {
		if t.Ref.Name.Repository != "" {
			repository = t.Ref.Name.Repository + "/" + repository
		}
		repository = t.Ref.Name.Host + "/" + repository
	}
	n, err := ref.ParseRepository(repository)
	if err != nil {
		return ref.Name{}, err
	}
	n.Tag, n.Digest = from.Tag, from.Digest
	return n, nil
}
