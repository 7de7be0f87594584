package serve

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/ref"
)

// A view is what a path means: the repository that it names, and those that have
// the same path at other hosts.
type view struct {
	path   string
	first  *repository // may be nil
	others []*repository
}

// view looks a path up. With ns, only what that host has.
func (d *directory) view(path, ns string) view {
	v := view{path: path}
	if ns == "" {
		if n, err := ref.ParseRepository(path); err == nil {
			v.first = d.repositories[n]
		}
		if v.first == nil {
			v.first = d.byPrefix[path]
		}
	} else if host, err := ref.ParseHost(ns); err == nil {
		v.first = d.repositories[ref.Name{Host: host, Repository: path}]
	}
	for _, r := range d.byPath[path] {
		if r != v.first && (ns == "" || r.name.Host == "") {
			v.others = append(v.others, r)
		}
	}
	return v
}

func (v view) exists() bool { return v.first != nil || len(v.others) > 0 }

// all are the repositories of the path, the one that it names first.
func (v view) all() iter.Seq[*repository] {
	return func(yield func(*repository) bool) {
		if v.first != nil && !yield(v.first) {
			return
		}
		for _, r := range v.others {
			if !yield(r) {
				return
			}
		}
	}
}

// tag returns the names that a tag stands for, one at least: several if hosts
// have the same image under it.
func (v view) tag(tag string) ([]entry, error) {
	if v.first != nil {
		if e, ok := v.first.tags[tag]; ok {
			return []entry{e}, nil
		}
	}
	var found []entry
	var names []string
	for _, r := range v.others {
		if e, ok := r.tags[tag]; ok {
			found = append(found, e)
			names = append(names, full(r.name))
		}
	}
	switch {
	case len(found) == 0:
		return nil, faultf(http.StatusNotFound, manifestUnknown, "%s has no tag %s", v.path, tag)
	case slices.ContainsFunc(found, func(e entry) bool { return e.root.Digest != found[0].root.Digest }):
		return nil, faultf(http.StatusNotFound, manifestUnknown,
			"%s:%s is different images at different hosts: say which in front: %s", v.path, tag, strings.Join(names, ", "))
	}
	return found, nil
}

// digest returns the names under which a manifest stands by itself.
func (v view) digest(h v1.Hash) (found []entry) {
	for r := range v.all() {
		for _, e := range r.roots {
			if e.root.Digest == h {
				found = append(found, e)
			}
		}
	}
	return found
}

// tags are those that stand for one thing, in order.
func (v view) tags() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(v.tagSet())), func(t string) bool {
		_, err := v.tag(t)
		return err != nil
	})
}

func (v view) tagSet() map[string]bool {
	set := map[string]bool{}
	for r := range v.all() {
		for t := range r.tags {
			set[t] = true
		}
	}
	return set
}
