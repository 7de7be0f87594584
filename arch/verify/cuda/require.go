package cuda

import (
	"cmp"
	"fmt"
	"strings"
)

// A Require is a condition as NVIDIA_REQUIRE_CUDA has it: alternatives parted by spaces,
// each of constraints parted by commas that must all hold.
type Require [][]constraint

// A constraint compares one property of the GPU or its driver.
type constraint struct{ name, op, value string }

// Bounds on a condition; those of NVIDIA's images have some forty alternatives.
const (
	maxRequireBytes = 64 << 10
	maxConstraints  = 4096
)

// ParseRequire reads a condition. What the toolkit would refuse, it refuses.
func ParseRequire(s string) (Require, error) {
	if len(s) > maxRequireBytes {
		return nil, fmt.Errorf("condition of %d bytes, more than the %d allowed", len(s), maxRequireBytes)
	}
	var r Require
	n := 0
	for alternative := range strings.FieldsSeq(s) {
		var all []constraint
		for word := range strings.SplitSeq(alternative, ",") {
			c, err := parseConstraint(word)
			if err != nil {
				return nil, err
			}
			if n++; n > maxConstraints {
				return nil, fmt.Errorf("condition of more than %d parts", maxConstraints)
			}
			all = append(all, c)
		}
		r = append(r, all)
	}
	return r, nil
}

func parseConstraint(word string) (constraint, error) {
	at := strings.IndexAny(word, "<>=!")
	if at <= 0 {
		return constraint{}, fmt.Errorf("condition %.100q: there is no comparison in it", word)
	}
	c := constraint{name: word[:at]}
	for _, op := range []string{"<=", ">=", "!=", "<", ">", "="} { // the longer first
		if value, ok := strings.CutPrefix(word[at:], op); ok {
			c.op, c.value = op, value
			break
		}
	}
	if c.op == "" || c.value == "" || strings.ContainsAny(c.value, "<>=!") {
		return constraint{}, fmt.Errorf("condition %.100q: its comparison is not understood", word)
	}
	return c, nil
}

// Met says whether the driver meets the condition. Which GPU there is, its brand and
// architecture, is not known here.
func (r Require) Met(d Driver) Truth {
	if len(r) == 0 {
		return Yes
	}
	met := No
	for _, all := range r {
		every := Yes
		for _, c := range all {
			every = every.and(c.met(d))
		}
		met = met.or(every)
	}
	return met
}

func (c constraint) met(d Driver) Truth {
	var have string
	switch c.name {
	case "cuda":
		version, ok := d.CUDA()
		if !ok {
			return Unknown
		}
		have = version
	case "driver":
		have = d.Version
	default:
		return Unknown
	}
	if !isVersion(c.value) || !isVersion(have) {
		return Unknown
	}
	if holds(compare(have, c.value), c.op) {
		return Yes
	}
	return No
}

func holds(order int, op string) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "!=":
		return order != 0
	}
	return order == 0
}

func isVersion(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.") == "" && !strings.Contains(s, "..") && s[0] != '.'
}

// compare compares number by number as far as both have them: 470.82 is 470.
func compare(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, y := strings.TrimLeft(as[i], "0"), strings.TrimLeft(bs[i], "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
	}
	return 0
}
