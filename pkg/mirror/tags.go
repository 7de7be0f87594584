package mirror

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/Masterminds/semver/v3"

	"github.com/dray-oci/dray/pkg/manifest"
)

// Tags say which tags of a repository are taken. The zero Tags take all. In YAML a
// plain list is Include alone.
type Tags struct {
	Include []string `yaml:"include"` // patterns, one of which must match; none: all do
	Exclude []string `yaml:"exclude"` // patterns, none of which may match
	// Semver is a range of versions, ">=1.2, <3": only tags that are versions within it.
	Semver string `yaml:"semver"`
	// Newest keeps the tags of that many versions, the highest; 0: all of them.
	Newest int `yaml:"newest"`
	// Prereleases lets Semver and Newest see what has a "-" in it, as 1.2.0-rc.1.
	Prereleases bool `yaml:"prereleases"`

	include, exclude []pattern
	versions         *semver.Constraints
}

// UnmarshalYAML takes a list for Include. The form with a function is used because
// it keeps the decoder strict.
func (t *Tags) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&t.Include) == nil {
		return nil
	}
	t.Include = nil
	type plain Tags
	return unmarshal((*plain)(t))
}

func (t *Tags) compile() (err error) {
	if t.include, err = parsePatterns("tags: include", t.Include); err != nil {
		return err
	}
	if t.exclude, err = parsePatterns("tags: exclude", t.Exclude); err != nil {
		return err
	}
	switch {
	case t.Newest < 0:
		return fmt.Errorf("tags: newest: %d is less than none", t.Newest)
	case len(t.Semver) > maxPatternBytes:
		return fmt.Errorf("tags: semver: the range is longer than %d bytes", maxPatternBytes)
	case t.Prereleases && t.Semver == "" && t.Newest == 0:
		return errors.New("tags: prereleases goes with semver or newest")
	case t.Semver == "":
		return nil
	}
	if t.versions, err = semver.NewConstraint(t.Semver); err != nil {
		return fmt.Errorf("tags: semver %q: %w", t.Semver, err)
	}
	t.versions.IncludePrerelease = t.Prereleases
	return nil
}

func (t *Tags) isZero() bool {
	return len(t.Include)+len(t.Exclude)+t.Newest == 0 && t.Semver == "" && !t.Prereleases
}

// IsCompanion reports whether tag is no image of its own but belongs to one, as cosign's
// signatures, attestations and SBOMs do, and the index of an image's referrers
// (distribution-spec: Referrers Tag Schema). The digest is that of the image.
func IsCompanion(tag string) (digest string, ok bool) {
	h, _, ok := manifest.SubjectOf(tag)
	if !ok {
		return "", false
	}
	return h.String(), true
}

// choose returns those of tags that are taken, sorted, each once. What IsCompanion
// is none of them.
func (t *Tags) choose(tags []string) []string {
	var out []string
	for _, tag := range tags {
		if _, belongs := IsCompanion(tag); belongs {
			continue
		}
		if (len(t.include) == 0 || anyMatches(t.include, tag)) && !anyMatches(t.exclude, tag) {
			out = append(out, tag)
		}
	}
	sort.Strings(out)
	out = slices.Compact(out)
	if t.versions == nil && t.Newest == 0 {
		return out
	}
	return t.byVersion(out)
}

// byVersion returns the tags whose versions are asked for, the highest first.
func (t *Tags) byVersion(tags []string) []string {
	type versioned struct {
		tag string
		v   *semver.Version
	}
	var all []versioned
	for _, tag := range tags {
		v, err := semver.NewVersion(tag)
		if err != nil || v.Prerelease() != "" && !t.Prereleases || t.versions != nil && !t.versions.Check(v) {
			continue
		}
		all = append(all, versioned{tag, v})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].v.GreaterThan(all[j].v) })
	var out []string
	distinct := 0
	for i, each := range all {
		if i == 0 || !each.v.Equal(all[i-1].v) {
			distinct++
		}
		if t.Newest > 0 && distinct > t.Newest {
			break
		}
		out = append(out, each.tag)
	}
	return out
}
