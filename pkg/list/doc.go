// Package list reads lists of images, which are text for people, and writes down
// what became of them: as a lock, which is a list that means the same for ever,
// and as a report, from which what failed can be tried again.
//
// A line of a list names one image, and may say what to call it and which of its
// platforms are meant:
//
//	# comments, blank lines
//	alpine:3.20
//	ghcr.io/org/app:1.4@sha256:…  platform=linux/amd64,linux/arm64
//	quay.io/org/tool:2  as=tools/tool:2  # comments after white space
package list

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Line is one image of a list, with the settings that stand behind its name.
// They win over what is said for all.
type Line struct {
	Name      string         // as it was written; not parsed
	As        string         // what to call it instead, as it was written: a name without a digest
	Platforms arch.Selection // of those it has; zero: none were named

	File   string // the list that it stands in; may be empty
	Number int    // of the line there, from 1 on
}

// At says where the line stands, FILE:NUMBER; empty if it stands nowhere.
func (l Line) At() string {
	if l.Number == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", l.File, l.Number)
}

// String returns the line as [Read] takes it.
func (l Line) String() string {
	s := l.Name
	if l.As != "" {
		s += " as=" + l.As
	}
	if p := words(l.Platforms); len(p) > 0 {
		s += " platform=" + strings.Join(p, ",")
	}
	return s
}

// words are a selection as it is written.
func words(s arch.Selection) []string {
	if s.All {
		return []string{"all"}
	}
	var all []string
	if s.Local {
		all = append(all, "local")
	}
	for _, p := range s.Platforms {
		all = append(all, p.String())
	}
	return all
}

// parseLine parses what stands on a line, comments taken off. Settings are the
// last words; what stands before them is the name, which may hold spaces if it is
// a path.
func parseLine(s string) (Line, error) {
	var l Line
	set := map[string]bool{}
	for {
		i := strings.LastIndexAny(s, " \t")
		if i < 0 {
			break
		}
		key, value, ok := strings.Cut(s[i+1:], "=")
		if !ok || !isKey(key) {
			break
		}
		if err := l.set(key, value); err != nil {
			return Line{}, err
		}
		if set[key] {
			return Line{}, fmt.Errorf("%s= stands twice", key)
		}
		set[key] = true
		s = strings.TrimRight(s[:i], " \t")
	}
	l.Name = s
	if err := checkName(s); err != nil {
		return Line{}, err
	}
	if key, _, ok := strings.Cut(s, "="); ok && isKey(key) {
		return Line{}, fmt.Errorf("there is no name before %s=", key)
	}
	return l, nil
}

// checkName refuses a blank in what can be no path: the settings are not written as they
// should be, or there are two names on the line.
func checkName(s string) error {
	name, rest, ok := strings.Cut(strings.ReplaceAll(s, "\t", " "), " ")
	setting := strings.Contains(rest, "as=") || strings.Contains(rest, "platform=")
	isPath := strings.HasPrefix(s, ".") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "oci") || strings.HasPrefix(s, "docker-archive:")
	if !ok || isPath && !setting {
		return nil
	}
	return fmt.Errorf("%.100q follows %.200q: a line is NAME [as=NEWNAME] [platform=P,P], without blanks around = and the commas", strings.TrimSpace(rest), name)
}

// isKey reports whether s looks like the name of a setting.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func (l *Line) set(key, value string) (err error) {
	switch key {
	case "as":
		l.As, err = value, checkAs(value)
	case "platform":
		l.Platforms, err = arch.ParseList([]string{value})
	default:
		err = fmt.Errorf("%s= is no setting: there are as= and platform=", key)
	}
	return err
}

func checkAs(name string) error {
	n, err := ref.ParseName(name)
	if err != nil {
		return err
	}
	if n.Digest != "" {
		return fmt.Errorf("as=%s: a name with a digest cannot be given", name)
	}
	return nil
}
