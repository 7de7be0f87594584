package registry

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
)

// seenBytes is the size from which on it is remembered where content was seen: a
// mount costs as much as sending less than that.
const seenBytes = 64 << 10

// saw remembers that repository holds d.
func (m *remote) saw(d v1.Descriptor) {
	if d.Size >= seenBytes && !manifest.Is(d.MediaType) {
		m.seen.Put(m.seenKey(d), m.repository)
	}
}

func (m *remote) seenKey(d v1.Descriptor) string { return m.Name() + " " + d.Digest.String() }

// origin returns the repository at the same host that d can be mounted from: that
// of the source it comes from, or where it was seen last. "" means that none is known.
func (m *remote) origin(d v1.Descriptor, from *remote) string {
	switch {
	case manifest.Is(d.MediaType):
		return ""
	case from != nil && from.host == m.host:
		return from.repository
	case d.Size < seenBytes:
		return ""
	}
	return m.seen.Get(m.seenKey(d))
}
