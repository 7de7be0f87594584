package layout

import (
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A table holds the entries of an index so that none is searched for: there may
// be thousands of names, each added, taken over and picked.
type table struct {
	entries map[int]v1.Descriptor // by when they came
	next    int
	numbers map[key][]int // of the entries, and perhaps of some that are gone
}

// A key is one way by which an entry is found.
type key struct {
	by   by
	text string
}

type by int

const (
	called   by = iota // its name, as written and in full
	tagged             // its annotation of the specification
	digest             // its digest
	nameless           // its digest, if it has no name
	subject            // what it belongs to, if it says so
)

func newTable() table { return table{entries: map[int]v1.Descriptor{}, numbers: map[key][]int{}} }

func (t *table) append(d v1.Descriptor) {
	t.entries[t.next] = d
	for _, k := range keys(d) {
		t.numbers[k] = append(t.numbers[k], t.next)
	}
	t.next++
}

func keys(d v1.Descriptor) []key {
	name, h := Name(d), d.Digest.String()
	list := []key{{called, name}, {digest, h}}
	if n, ok := fullName(name); ok && n.Tagged() != name {
		list = append(list, key{called, n.Tagged()})
	}
	if r := d.Annotations[AnnotationRefName]; r != "" {
		list = append(list, key{tagged, r})
	}
	if name == "" {
		list = append(list, key{nameless, h})
	}
	if s := d.Annotations[place.AnnotationSubject]; s != "" {
		list = append(list, key{subject, s})
	}
	return list
}

// add is [Index.Add].
func (t *table) add(root v1.Descriptor, names []string) {
	for _, n := range names {
		t.remove(n)
		t.append(named(root, n))
	}
	if len(names) > 0 {
		t.drop(key{nameless, root.Digest.String()})
	} else if !t.has(key{digest, root.Digest.String()}) {
		t.append(named(root, ""))
	}
}

// remove removes a name, however it is written, and reports whether there was one.
func (t *table) remove(name string) bool {
	removed := t.drop(key{called, name})
	if n, err := ref.ParseName(name); err == nil {
		removed = t.drop(key{called, n.Tagged()}) || removed
	}
	return removed
}

// has reports whether there is an entry.
func (t *table) has(k key) bool {
	for n := t.numbers[k]; len(n) > 0; n = t.numbers[k] {
		if _, ok := t.entries[n[len(n)-1]]; ok {
			return true
		}
		t.numbers[k] = n[:len(n)-1]
	}
	return false
}

// drop removes the entries, and reports whether there were any.
func (t *table) drop(k key) bool {
	before := len(t.entries)
	for _, n := range t.numbers[k] {
		delete(t.entries, n)
	}
	delete(t.numbers, k)
	return len(t.entries) < before
}

// find returns the entries that have any of the keys, each once.
func (t *table) find(list ...key) []v1.Descriptor {
	var numbers []int
	for _, k := range list {
		numbers = append(numbers, t.numbers[k]...)
	}
	slices.Sort(numbers)
	return t.at(slices.Compact(numbers))
}

func (t *table) all() []v1.Descriptor { return t.at(slices.Sorted(maps.Keys(t.entries))) }

func (t *table) at(numbers []int) []v1.Descriptor {
	found := make([]v1.Descriptor, 0, len(numbers))
	for _, n := range numbers {
		if d, ok := t.entries[n]; ok {
			found = append(found, d)
		}
	}
	return found
}
