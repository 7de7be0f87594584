package arch

import (
	"slices"
	"strings"
)

// Selection is what a user asked for with --platform. The zero Selection asks for nothing: the
// command decides.
type Selection struct {
	All       bool       // every platform there is; the rest is then moot
	Local     bool       // the platform of this machine
	Platforms []Platform // these, normalised
}

// ParseList reads the values of a repeated flag, each of which may hold several platforms parted
// by commas, and the words all and local. No values are the zero Selection; an empty value, or
// nothing between two commas, is an error. The error is always a [*SyntaxError].
func ParseList(values []string) (Selection, error) {
	var s Selection
	for _, value := range values {
		for word := range strings.SplitSeq(value, ",") {
			if err := s.add(strings.TrimSpace(word)); err != nil {
				return Selection{}, err
			}
		}
	}
	return s, nil
}

func (s *Selection) add(word string) error {
	switch word {
	case "":
		return &SyntaxError{Input: word, Why: "it is empty", Advice: "write os/arch[/variant], all or local"}
	case "all":
		s.All = true
		return nil
	case "local":
		s.Local = true
		return nil
	}
	p, err := Parse(word)
	if err != nil {
		return err
	}
	if !slices.Contains(s.Platforms, p) {
		s.Platforms = append(s.Platforms, p)
	}
	return nil
}

// IsZero reports whether nothing was asked for.
func (s Selection) IsZero() bool {
	return !s.All && !s.Local && len(s.Platforms) == 0
}

// Wanted returns the platforms that the selection names, local being the given one; nil with All.
func (s Selection) Wanted(local Platform) []Platform {
	if s.All {
		return nil
	}
	wanted := slices.Clone(s.Platforms)
	if local = local.Normalize(); s.Local && !slices.Contains(wanted, local) {
		wanted = append(wanted, local)
	}
	return wanted
}

// Apply returns the indexes of the entries that the selection takes, ascending and each once: the
// best entry for every platform that was asked for, by the rules of [Select], or with All every
// entry that is no attestation. If one has no entry, the error is a [*MissingError]. Local stands
// for the given platform, mostly [Machine.Target].
func (s Selection) Apply(entries []Platform, local Platform) ([]int, error) {
	var taken []int
	if s.All {
		for i, entry := range entries {
			if !entry.IsAttestation() {
				taken = append(taken, i)
			}
		}
		return taken, nil
	}
	var missing []Platform
	for _, want := range s.Wanted(local) {
		i, _ := Select(entries, want)
		if i < 0 {
			missing = append(missing, want)
			continue
		}
		taken = append(taken, i)
	}
	if missing != nil {
		return nil, &MissingError{Missing: missing, Have: entries}
	}
	slices.Sort(taken)
	return slices.Compact(taken), nil
}

// MissingError says which platforms were asked for and are not there, and lists what is there.
type MissingError struct {
	Missing []Platform
	Have    []Platform // as the entries were given, attestations among them
}

// Error is one line with every platform that is there, attestations left out.
func (e *MissingError) Error() string {
	verb := " is"
	if len(e.Missing) > 1 {
		verb = " are"
	}
	have := slices.DeleteFunc(slices.Clone(e.Have), Platform.IsAttestation)
	there := "no platform"
	if len(have) > 0 {
		there = list(have)
	}
	return "selecting platforms: " + list(e.Missing) + verb + " not there: it holds " + there
}

// maxListed keeps the error one line; no honest index has as many platforms.
const maxListed = 64

func list(platforms []Platform) string {
	var names []string
	for _, p := range platforms {
		if name := p.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) == maxListed {
			names = append(names, "…")
			break
		}
	}
	return strings.Join(names, ", ")
}
