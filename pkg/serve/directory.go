package serve

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A directory is what all names stand for at one moment. It does not change.
type directory struct {
	repositories map[ref.Name]*repository // by base name; no host where names had none
	byPath       map[string][]*repository // by the name without the host, in order of hosts
	byPrefix     map[string]*repository   // by the name behind a host that has a port
	paths        []string                 // the catalog
	said         []string                 // what is not served as its name says
}

// A repository is the images of one name.
type repository struct {
	name  ref.Name
	tags  map[string]entry
	roots []entry // all, tagged or not
}

// An entry is a name at a place.
type entry struct {
	name  string
	place int
	root  v1.Descriptor // as the place says it: not verified
	tag   string        // empty if it stands under its digest alone
}

// list makes the directory of the places.
func list(ctx context.Context, places []source) (*directory, error) {
	d := &directory{
		repositories: map[ref.Name]*repository{},
		byPath:       map[string][]*repository{},
		byPrefix:     map[string]*repository{},
	}
	for i, p := range places {
		add := func(e place.Entry) error {
			d.add(i, e, p.own)
			return nil
		}
		err := p.lister.List(ctx, add)
		if l, ok := place.As[place.ReferrerLister](p.Source); ok && err == nil {
			err = l.ListReferrers(ctx, add)
		}
		if err != nil {
			return nil, fmt.Errorf("listing what is there: %w", err)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(d.repositories), func(a, b ref.Name) int { return strings.Compare(a.Host, b.Host) }) {
		r := d.repositories[name]
		d.byPath[name.Repository] = append(d.byPath[name.Repository], r)
		if name.Host != "" {
			d.byPrefix[prefixed(name)] = r
		}
	}
	d.catalog()
	return d, nil
}

// add adds one name. Own is the repository of what has none in its name.
func (d *directory) add(i int, e place.Entry, own ref.Name) {
	base, tag := own, ""
	switch {
	case strings.HasPrefix(e.Name, "@"):
	case isTag(e.Name):
		tag = e.Name
	default:
		n, err := ref.ParseName(e.Name)
		if err != nil {
			d.say("%.300q is left out: it is no image name", e.Name)
			return
		}
		base, tag = n.Base(), n.Tag
	}
	if base.Repository == "" {
		if tag != "" {
			d.say("%.300q is left out: it is a mere tag, without a repository", e.Name)
		}
		return
	}
	r := d.repositories[base]
	if r == nil {
		r = &repository{name: base, tags: map[string]entry{}}
		d.repositories[base] = r
	}
	r.add(d, entry{e.Name, i, e.Root, tag})
}

func (r *repository) add(d *directory, e entry) {
	old, twice := r.tags[e.tag]
	if e.tag != "" && twice && old.root.Digest != e.root.Digest {
		d.say("%s:%s is there twice: %s is served, %s is not", full(r.name), e.tag, old.root.Digest, e.root.Digest)
		return
	}
	if e.tag != "" && !twice {
		r.tags[e.tag] = e
	}
	r.roots = append(r.roots, e)
}

func (d *directory) say(format string, args ...any) {
	d.said = append(d.said, fmt.Sprintf(format, args...))
}

// full is the base name in full, without the host where it has none.
func full(n ref.Name) string {
	if n.Host == "" {
		return n.Repository
	}
	return n.Base().String()
}

// prefixed is the path that says the host too.
func prefixed(n ref.Name) string { return strings.ReplaceAll(full(n), ":", "_") }

// catalog finds for every repository the shortest path that means it and no other.
func (d *directory) catalog() {
	for _, r := range d.repositories {
		path := r.name.Repository
		if v := d.view(path, ""); v.first != r && (v.first != nil || len(v.others) > 1) {
			if long := prefixed(r.name); isRepository(long) {
				path = long
			}
		}
		d.paths = append(d.paths, path)
	}
	slices.Sort(d.paths)
	d.paths = slices.Compact(d.paths)
	for _, path := range slices.Sorted(maps.Keys(d.byPath)) {
		d.sayHidden(d.view(path, ""))
	}
}

// sayHidden says which tags of a path have more than one meaning.
func (d *directory) sayHidden(v view) {
	if v.first != nil || len(v.others) < 2 {
		return
	}
	for _, tag := range slices.Sorted(maps.Keys(v.tagSet())) {
		if _, err := v.tag(tag); err != nil {
			d.say("%v", err)
		}
	}
}
