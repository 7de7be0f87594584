package cli

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/ref"
)

// renamer returns what the values of --map do to a full name; nil if there are none.
func renamer(maps []string) (func(string) (string, error), error) {
	if len(maps) == 0 {
		return nil, nil
	}
	for _, m := range maps {
		if from, to, ok := strings.Cut(m, "="); !ok || from == "" || to == "" {
			return nil, &usageError{fmt.Errorf("--map %q: write FROM=TO", m)}
		}
	}
	return func(name string) (string, error) {
		for _, m := range maps {
			from, to, _ := strings.Cut(m, "=")
			rest, ok := strings.CutPrefix(name, from)
			// A prefix ends where a part of the name ends: a/b is none of a/bc.
			if ok && (rest == "" || strings.ContainsAny(rest[:1], "/:@") || strings.HasSuffix(from, "/")) {
				n, err := ref.ParseName(to + rest)
				return n.String(), err
			}
		}
		return name, nil
	}, nil
}

func renamed(names []string, rename func(string) (string, error)) ([]string, error) {
	if rename == nil {
		return names, nil
	}
	out := make([]string, 0, len(names))
	for _, n := range names {
		r, err := rename(n)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// A pushTarget is what --to and --map say.
type pushTarget struct {
	host, prefix string
	rename       func(string) (string, error)
}

// newTarget parses REGISTRY[/PREFIX] and the values of --map.
func newTarget(to string, maps []string) (*pushTarget, error) {
	for _, scheme := range []string{"docker://", "https://", "http://"} {
		to = strings.TrimPrefix(to, scheme)
	}
	host, prefix, _ := strings.Cut(strings.TrimSuffix(to, "/"), "/")
	host, err := ref.ParseHost(host)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		if _, err := ref.ParseRepository(host + "/" + prefix); err != nil {
			return nil, err
		}
		prefix += "/"
	}
	rename, err := renamer(maps)
	return &pushTarget{host: host, prefix: prefix, rename: rename}, err
}

// at is what an image called n is called at the registry, with --map or without.
func (t *pushTarget) at(n ref.Name, mapped bool) (ref.Name, error) {
	if mapped && t.rename != nil {
		renamed, err := t.rename(n.String())
		if err == nil {
			n, err = ref.ParseName(renamed)
		}
		if err != nil {
			return ref.Name{}, err
		}
	}
	n.Host, n.Repository = t.host, t.prefix+n.Repository
	if n.Tag != "" {
		n.Digest = "" // platforms may be chosen, and then the digest is another
	}
	return ref.ParseName(n.String())
}
