package verify

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch/verify/internal/rootfs"
	"github.com/dray-oci/dray/pkg/compress"
)

// judge says what the layers of m, all of which were read, have shown.
func (s *schedule) judge(m *image) {
	if m.doc == nil {
		return
	}
	m.checkLayers(s.byHash)
	if s.o.binaries() == None || m.config == nil {
		return
	}
	tables := make([]*rootfs.Layer, 0, len(m.doc.Image.Layers))
	for _, d := range m.doc.Image.Layers {
		tables = append(tables, s.byHash[d.Digest].table)
	}
	m.judgePrograms(tables, s.o.binaries(), nil)
}

// checkLayers takes over the faults of layers, and holds them against the config.
func (m *image) checkLayers(byHash map[v1.Hash]*layer) {
	for _, l := range m.layers {
		m.add(l.faults...)
		m.checkLayer(l)
	}
	if m.config == nil || len(m.config.RootFS.DiffIDs) != len(m.doc.Image.Layers) {
		return
	}
	for i, d := range m.doc.Image.Layers {
		want, got := m.config.RootFS.DiffIDs[i], byHash[d.Digest].content
		if got.Hex != "" && got != want {
			f := errorf(KindDiffID, "layer %s holds %s, the config names %s", d.Digest, got, want).pair(got.String(), want.String())
			m.add(f.in("", d.Digest.String()).of(m.doc.Image.Config.Digest))
		}
	}
}

func (m *image) checkLayer(l *layer) {
	if !l.whole {
		return
	}
	if want, ok := compressionOf(l.d.MediaType); ok && want != l.kind {
		f := warnf(KindMediaType, "layer %s is %s, its type %q says otherwise", l.d.Digest, compressionName(l.kind), string(l.d.MediaType))
		m.add(f.in("", l.d.Digest.String()).of(l.d.Digest).pair(compressionName(l.kind), compressionName(want)))
	}
	if l.kind == compress.Zstd && m.isDocker() {
		m.add(warnf(KindMediaType, "layer %s is zstd in an image of Docker's types, which knows no such layers", l.d.Digest).of(l.d.Digest))
	}
	if l.table != nil && len(l.table.Refused) > 0 {
		f := warnf(KindInvalid, "layer %s has names that no engine unpacks: %q", l.d.Digest, l.table.Refused)
		m.add(f.in("", l.d.Digest.String()))
	}
}
