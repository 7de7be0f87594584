package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
)

// checkSiblings holds the images of an index against each other. With fast, what
// points at wrong programs is all there will be, and counts as an error.
func checkSiblings(images []*image, fast bool) {
	s := siblings{fast: fast, first: map[string]*image{}}
	for _, m := range images {
		s.compare(m)
	}
	checkOutliers(images)
}

// siblings finds the first image that has something in common with a later one.
type siblings struct {
	fast  bool
	first map[string]*image
}

// before returns the image that came earlier with the same key, if there was one.
func (s siblings) before(m *image, key string) *image {
	other, ok := s.first[key]
	if !ok {
		s.first[key] = m
	}
	return other
}

func (s siblings) compare(m *image) {
	p := m.platform().Normalize()
	if other := s.before(m, "entry "+m.entry.Digest.String()); other != nil {
		m.add(sameImage(m, other))
		return
	}
	if other := s.before(m, fmt.Sprintf("platform %q", p)); other != nil && p.OS != "" {
		m.add(warnf(KindDuplicate, "%s is listed twice, and engines differ in which they take", p.String()).of(other.entry.Digest))
	}
	if m.doc == nil {
		return
	}
	if other := s.before(m, "config "+m.doc.Image.Config.Digest.String()); other != nil {
		m.add(warnf(KindDuplicate, "it has the config of %s", other.platform().Short()).of(m.doc.Image.Config.Digest))
	}
	if len(m.doc.Image.Layers) == 0 {
		return
	}
	if other := s.before(m, "layers "+layerList(m)); other != nil && otherArchitecture(m, other) {
		m.add(sameLayers(other.platform(), s.fast))
		if s.fast && !other.has(KindSameLayers) {
			other.add(sameLayers(p, s.fast))
		}
	}
}

func sameImage(m, other *image) Finding {
	f := warnf(KindDuplicate, "it is the same image as %s", other.platform().Short()).of(m.entry.Digest)
	if otherArchitecture(m, other) {
		f.Severity = Error
	}
	return f
}

func otherArchitecture(m, other *image) bool {
	return m.platform().Normalize().Architecture != other.platform().Normalize().Architecture
}

func layerList(m *image) string {
	digests := make([]string, 0, len(m.doc.Image.Layers))
	for _, l := range m.doc.Image.Layers {
		digests = append(digests, l.Digest.String())
	}
	return strings.Join(digests, " ")
}

func (m *image) has(k Kind) bool {
	return slices.ContainsFunc(m.row.Findings, func(f Finding) bool { return f.Kind == k })
}

func sameLayers(other arch.Platform, fast bool) Finding {
	f := notef(KindSameLayers, "it has the layers of %s", other.Short())
	if fast {
		f.Severity = Error
		f.Text += ": if there is a program in them, one of the two is wrong"
		f.Fix = "verify without --fast to have the programs looked at"
	}
	return f
}

// What makes a platform an outlier: so many times the median of at least so many
// platforms, in compressed size, and so many bytes apart from it.
const (
	outlierFactor    = 5
	outlierPlatforms = 3
	outlierBytes     = 1 << 20
)

func checkOutliers(images []*image) {
	var sizes []int64
	for _, m := range images {
		if m.doc != nil {
			sizes = append(sizes, m.size())
		}
	}
	if len(sizes) < outlierPlatforms {
		return
	}
	slices.Sort(sizes)
	median := sizes[len(sizes)/2]
	for _, m := range images {
		if m.doc == nil {
			continue
		}
		small, large := min(m.size(), median), max(m.size(), median)
		if large-small > outlierBytes && large/outlierFactor > small {
			m.add(notef(KindOutlier, "its layers have %d bytes, those of most platforms %d", m.size(), median).pair(fmt.Sprint(m.size()), fmt.Sprint(median)))
		}
	}
}

// size is that of all layers, compressed.
func (m *image) size() int64 {
	var n int64
	for _, l := range m.doc.Image.Layers {
		n += l.Size
	}
	return n
}

// checkConfigs notes where images are configured differently from the first one.
func checkConfigs(images []*image) {
	var first *image
	for _, m := range images {
		switch {
		case m.config == nil:
		case first == nil:
			first = m
		default:
			m.compareConfig(first)
		}
	}
}

func (m *image) compareConfig(first *image) {
	a, b, than := first.config.Config, m.config.Config, first.platform().Short()
	if !slices.Equal(a.Entrypoint, b.Entrypoint) || !slices.Equal(a.Cmd, b.Cmd) {
		m.add(notef(KindDiffers, "it starts %q, %s starts %q", command(b), than, command(a)))
	}
	m.noteDiffering("environment variables", than, differing(env(a.Env), env(b.Env)))
	m.noteDiffering("labels", than, differing(a.Labels, b.Labels))
}

func (m *image) noteDiffering(what, than string, keys []string) {
	if len(keys) > 0 {
		m.add(notef(KindDiffers, "its %s differ from those of %s: %.500s", what, than, strings.Join(keys, ", ")))
	}
}

func command(c v1.Config) []string { return append(slices.Clone(c.Entrypoint), c.Cmd...) }

func env(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return m
}

// differing returns the keys, sorted, whose values are not the same in both.
func differing(a, b map[string]string) []string {
	keys := map[string]bool{}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			keys[k] = true
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys[k] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
