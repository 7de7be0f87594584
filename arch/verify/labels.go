package verify

import (
	"fmt"
	"strings"

	"github.com/dray-oci/dray/arch"
)

// checkName judges what the index says by itself.
func (m *image) checkName() {
	switch p := m.index; {
	case !m.listed:
	case p.OS == "" && p.Architecture == "":
		m.add(warnf(KindName, "the entry of the index names no platform, and only some engines read the config instead"))
	case p.Valid() != nil:
		m.add(errorf(KindName, "%v", p.Valid()).pair(p.String(), "").fix("name the platform of the entry as the image was built for"))
	case misspelled(p):
		m.add(warnf(KindName, "the entry says %q where engines expect %q", written(p), p.Short()).pair(written(p), p.Short()))
	}
}

// written is the platform as it stands there, not normalised.
func written(p arch.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// misspelled: what means the same to some engines only. Variants that may be left out or
// not are none of that.
func misspelled(p arch.Platform) bool {
	n := p.Normalize()
	return p.OS != n.OS || p.Architecture != n.Architecture || strings.HasPrefix(n.Variant, "v") && p.Variant != "" && !strings.HasPrefix(p.Variant, "v")
}

// checkLabel holds the index against the config. It returns the finding, which the
// programs may have more to say about.
func (m *image) checkLabel() *Finding {
	if m.config == nil {
		return nil
	}
	config := arch.FromV1(m.config.Platform())
	if config.OS == "" || config.Architecture == "" {
		f := errorf(KindLabel, "the config names no platform").of(m.doc.Image.Config.Digest)
		return &f
	}
	if m.index.OS == "" || m.index.Architecture == "" {
		return nil
	}
	if why := disagree(m.index, config); why != "" {
		f := errorf(KindLabel, "%s", why).pair(config.String(), m.index.String()).of(m.doc.Image.Config.Digest)
		return &f
	}
	if m.index.Valid() == nil && m.index.Variant != "" && config.Variant == "" && m.index.Normalize().Variant != "" {
		m.add(notef(KindLabel, "the index says %s, the config names no variant", m.index.Short()))
	}
	return nil
}

// disagree says how what the index says is not what the config says, by the rules of
// normalisation; a variant or a version that one of them leaves out is no matter.
func disagree(index, config arch.Platform) string {
	i, c := index.Normalize(), config.Normalize()
	if index.Variant == "" || config.Variant == "" {
		i.Variant, c.Variant = "", ""
	}
	if i.OS != c.OS || i.Architecture != c.Architecture || i.Variant != c.Variant {
		return fmt.Sprintf("the index says %s, the config %s", index.Short(), config.Short())
	}
	if i.OS == "windows" && i.OSVersion != "" && c.OSVersion != "" && i.OSVersion != c.OSVersion {
		return fmt.Sprintf("the index says os.version %q, the config %q", i.OSVersion, c.OSVersion)
	}
	return ""
}
