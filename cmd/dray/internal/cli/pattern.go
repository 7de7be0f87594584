package cli

import (
	"regexp"
	"strings"

	"github.com/dray-oci/dray/pkg/ref"
)

// A repoPattern means repositories of one registry.
type repoPattern struct {
	host string
	path *regexp.Regexp
}

// parsePattern parses HOST/PATTERN; ok is false if s has no *, and then is a name.
func parsePattern(s string) (p repoPattern, ok bool, err error) {
	host, path, _ := strings.Cut(strings.TrimPrefix(s, "docker://"), "/")
	if !strings.Contains(path, "*") || strings.HasPrefix(s, ".") || strings.ContainsAny(host, "*") {
		return p, false, nil
	}
	if p.host, err = ref.ParseHost(host); err != nil {
		return p, true, err
	}
	p.path, err = regexp.Compile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, ".*") + "$")
	return p, true, err
}

func (p repoPattern) fits(path string) bool { return p.path.MatchString(path) }

// isRepository reports whether a name at a registry says neither tag nor digest.
func isRepository(name string) bool {
	_, err := ref.ParseRepository(strings.TrimPrefix(name, "docker://"))
	return err == nil
}
