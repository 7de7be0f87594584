package verify

import (
	"strings"

	"github.com/dray-oci/dray/arch"
)

// checkRequired holds what is there against what was asked for. Platforms that are not
// there get a row of their own.
func (r *Report) checkRequired(images []*image, isIndex bool, o Options) {
	wanted := make([]bool, len(images))
	for _, want := range o.Require {
		found := false
		for i, m := range images {
			if fit, _ := arch.Match(want, m.platform()); fit == arch.Exact {
				wanted[i], found = true, true
			}
		}
		if !found {
			r.Platforms = append(r.Platforms, absent(want, images))
		}
	}
	if !isIndex && len(o.Require) > 1 && len(images) == 1 {
		r.Findings = append(r.Findings, errorf(KindNoIndex, "it is a single image for %s, not an index of several platforms", images[0].platform().Short()).
			fix("push one index that lists the images of all platforms"))
	}
	for i, m := range images {
		if o.Exactly && !wanted[i] {
			r.Findings = append(r.Findings, errorf(KindUnexpected, "%s is there, but was not asked for", m.platform().String()).of(m.entry.Digest))
		}
	}
}

func absent(want arch.Platform, images []*image) Platform {
	var have []string
	for _, m := range images {
		have = append(have, m.platform().Short())
	}
	there := "there is no platform"
	if len(have) > 0 {
		there = "there is " + strings.Join(have, ", ")
	}
	f := errorf(KindRequired, "%s is not there; %s", want.String(), there).pair(strings.Join(have, ","), want.String())
	return Platform{Platform: want.String(), Verdict: Missing, Findings: []Finding{f}}
}
