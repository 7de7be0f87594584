package cli

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/ref"
)

// renames are the values of --map: what a full name that begins with from is changed
// to begin with.
type renames []*mapping

type mapping struct {
	from, to string
	used     bool
}

// parseRenames parses the values of --map.
func parseRenames(maps []string) (renames, error) {
	var all renames
	for _, m := range maps {
		from, to, ok := strings.Cut(m, "=")
		if !ok || from == "" || to == "" {
			return nil, &usageError{fmt.Errorf("--map %q: write FROM=TO", m)}
		}
		all = append(all, &mapping{from: from, to: to})
	}
	return all, nil
}

// apply returns what a full name is changed to: the first mapping that fits counts.
// It is not safe for concurrent use, since it remembers which did.
func (r renames) apply(name string) (string, error) {
	for _, m := range r {
		rest, ok := strings.CutPrefix(name, m.from)
		// A prefix ends where a part of the name ends: a/b is none of a/bc.
		if ok && (rest == "" || strings.ContainsAny(rest[:1], "/:@") || strings.HasSuffix(m.from, "/")) {
			m.used = true
			n, err := ref.ParseName(m.to + rest)
			return n.String(), err
		}
	}
	return name, nil
}

// all is what names are changed to.
func (r renames) all(names []string) ([]string, error) {
	if len(r) == 0 {
		return names, nil
	}
	out := make([]string, 0, len(names))
	for _, n := range names {
		renamed, err := r.apply(n)
		if err != nil {
			return nil, err
		}
		out = append(out, renamed)
	}
	return out, nil
}

// warnIdle says which values of --map have changed no name of parcels.
func (a *app) warnIdle(r renames, parcels []parcel) {
	hint := ""
	for _, p := range parcels {
		if p.err != nil {
			return // its name might have been changed
		}
		if hint == "" && p.req.From != "" {
			hint = "FROM is the beginning of a name in full, as in " + p.req.From
		}
	}
	for _, m := range r {
		if !m.used {
			a.handle(event.Event{Kind: event.Warn, Text: fmt.Sprintf("--map %s=%s changes nothing", m.from, m.to), Hint: hint})
		}
	}
}

// A pushTarget is what --to and --map say.
type pushTarget struct {
	host, prefix string
	renames      renames
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
	r, err := parseRenames(maps)
	return &pushTarget{host: host, prefix: prefix, renames: r}, err
}

// at is what an image called n is called at the registry, with --map or without.
func (t *pushTarget) at(n ref.Name, mapped bool) (ref.Name, error) {
	if mapped {
		renamed, err := t.renames.apply(n.String())
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
