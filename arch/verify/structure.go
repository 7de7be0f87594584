package verify

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/compress"
)

// checkStructure holds manifest and config against each other.
func (m *image) checkStructure() {
	if m.doc == nil {
		return
	}
	m.checkTypes()
	if m.config == nil {
		return
	}
	config := m.doc.Image.Config.Digest
	layers, ids := len(m.doc.Image.Layers), len(m.config.RootFS.DiffIDs)
	if layers != ids {
		m.add(errorf(KindLayerCount, "the manifest names %d layers, the config %d", layers, ids).of(config))
	}
	if len(m.config.History) == 0 {
		return // it may be left out
	}
	filled := 0
	for _, h := range m.config.History {
		if !h.EmptyLayer {
			filled++
		}
	}
	if filled != ids {
		m.add(warnf(KindHistory, "the history tells of %d layers, the config names %d", filled, ids).of(config))
	}
}

func (m *image) isDocker() bool { return m.doc.Descriptor.MediaType == types.DockerManifestSchema2 }

// checkTypes looks for the types of Docker and of OCI in one manifest, and for a config
// that is a layer or the reverse.
func (m *image) checkTypes() {
	isDocker := m.isDocker()
	var mixed []string
	for _, d := range m.doc.Children() {
		if isDocker != strings.HasPrefix(string(d.MediaType), "application/vnd.docker.") && strings.HasPrefix(string(d.MediaType), "application/vnd.") {
			mixed = append(mixed, string(d.MediaType))
		}
	}
	if len(mixed) > 0 {
		m.add(warnf(KindMediaType, "a manifest of type %s names content of type %q", m.doc.Descriptor.MediaType, mixed[0]).of(m.doc.Descriptor.Digest))
	}
	for _, l := range m.doc.Image.Layers {
		if l.MediaType.IsConfig() || l.MediaType.IsImage() || l.MediaType.IsIndex() {
			m.add(errorf(KindMediaType, "layer %s has the type %q, which is none of a layer", l.Digest, string(l.MediaType)).of(l.Digest))
		}
	}
}

// compressionOf returns what a media type says of the compression; ok is false where
// it says nothing.
func compressionOf(mt types.MediaType) (k compress.Kind, ok bool) {
	s := string(mt)
	switch {
	case strings.HasSuffix(s, "+gzip"), strings.HasSuffix(s, ".tar.gzip"):
		return compress.Gzip, true
	case strings.HasSuffix(s, "+zstd"):
		return compress.Zstd, true
	case strings.HasSuffix(s, ".tar"):
		return compress.None, true
	}
	return "", false
}

// compressionName is how messages call it.
func compressionName(k compress.Kind) string {
	if k == compress.None {
		return "not compressed"
	}
	return string(k)
}
