package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/compress"
	images "github.com/dray-oci/dray/pkg/image"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A memberReader is a source that is an archive, whose members can be looked at as an
// engine does that loads it.
type memberReader interface {
	// OpenMember opens a member of the tar. The error wraps fs.ErrNotExist if there is none.
	OpenMember(ctx context.Context, name string) (io.ReadCloser, error)
	// Compression is that of the archive as a whole.
	Compression() compress.Kind
	// Parts is how many files it lies in.
	Parts() int
}

// An Engine is what one of those that load archives makes of one.
type Engine struct {
	Name  string   `json:"engine"`
	Loads bool     `json:"loads"`
	Sees  []string `json:"sees"` // the images, as name and platforms
	Why   string   `json:"why"`  // which part it reads, and what to know
}

// Engines says of the archive src which engines load it and what they then see, by what
// is known of how each reads. ok is false if src is no archive.
func Engines(ctx context.Context, src place.Source) (engines []Engine, ok bool, err error) {
	members, ok := place.As[memberReader](src)
	if !ok {
		return nil, false, nil
	}
	a := &archive{src: src, members: members}
	if err := a.readDocker(ctx); err != nil {
		return nil, true, fmt.Errorf("reading manifest.json: %w", err)
	}
	if err := a.readOCI(ctx); err != nil {
		return nil, true, fmt.Errorf("reading index.json: %w", err)
	}
	engines = []Engine{a.oldDocker(), a.newDocker(), a.containerd(), a.podman(), a.skopeo()}
	if why := a.unloadable(); why != "" {
		for i, e := range engines {
			engines[i] = Engine{Name: e.Name}.no(why)
		}
	}
	return engines, true, nil
}

// unloadable says why no engine loads the archive; empty if one may.
func (a *archive) unloadable() string {
	switch n := a.members.Parts(); {
	case n > 1:
		return fmt.Sprintf("it lies in %d parts; dray parts join makes one file of them", n)
	case a.hasOCI && len(a.oci) == 0 && a.beside > 0 && !a.hasDocker:
		return "it is an update, no whole image: dray copy FILE --with PLACE full.tar makes one that can be loaded"
	}
	return ""
}

// An archive is its two tables of contents.
type archive struct {
	src     place.Source
	members memberReader

	hasDocker bool
	docker    []string // name and platform of each entry of manifest.json
	broken    string   // what manifest.json names but the tar does not have
	hasZstd   bool     // layers that old engines cannot read

	hasOCI  bool
	oci     []string // name and platforms of each image of index.json
	beside  int      // its entries that are no images, but belong to them
	unnamed int
}

// dockerEntry is one image of manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (a *archive) readDocker(ctx context.Context) error {
	raw, err := a.readMember(ctx, "manifest.json", manifest.MaxIndexBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var entries []dockerEntry
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	a.hasDocker = true
	for _, e := range entries {
		if err := a.dockerEntry(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) dockerEntry(ctx context.Context, e dockerEntry) error {
	raw, err := a.member(ctx, e.Config, manifest.MaxConfigBytes)
	if err != nil {
		return err
	}
	platform := "unknown platform"
	if c, err := manifest.ParseConfig(raw); err == nil {
		platform = arch.FromV1(c.Platform()).Short()
	}
	for _, l := range e.Layers {
		head, err := a.member(ctx, l, compress.SniffBytes)
		if err != nil {
			return err
		}
		a.hasZstd = a.hasZstd || compress.Sniff(head) == compress.Zstd
	}
	names := e.RepoTags
	if len(names) == 0 {
		names = []string{"an image without a name"}
	}
	for _, n := range names {
		a.docker = append(a.docker, n+" ("+platform+")")
	}
	return nil
}

// member reads the start of a member that has to be there.
func (a *archive) member(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	raw, err := a.readMember(ctx, name, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		a.broken = name
		return nil, nil
	}
	return raw, err
}

// readMember reads at most maxBytes of a member.
func (a *archive) readMember(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	rc, err := a.members.OpenMember(ctx, name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(rc, maxBytes))
	return raw, errors.Join(err, rc.Close())
}

// Annotations that carry names: the full one, and the tag or whatever was there.
const (
	annotationName = "io.containerd.image.name"
	annotationRef  = "org.opencontainers.image.ref.name"
)

func (a *archive) readOCI(ctx context.Context) error {
	raw, err := a.readMember(ctx, "index.json", manifest.MaxIndexBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	idx, err := manifest.ParseIndexFile(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", place.ErrInvalid, err)
	}
	a.hasOCI = true
	for _, d := range idx.Manifests {
		if d.ArtifactType != "" {
			a.beside++
			continue
		}
		name := d.Annotations[annotationName]
		if name == "" {
			name = d.Annotations[annotationRef]
		}
		if name == "" {
			name = "an image without a name"
			a.unnamed++
		}
		a.oci = append(a.oci, name+" ("+a.platforms(ctx, d)+")")
	}
	return nil
}

// platforms lists those of an entry. What cannot be read, verifying has said.
func (a *archive) platforms(ctx context.Context, d v1.Descriptor) string {
	doc, err := place.ReadManifest(ctx, a.src, d)
	if err != nil {
		return "cannot be read"
	}
	entries, err := images.Platforms(ctx, a.src, doc)
	if err != nil {
		return "not all of it can be read"
	}
	var names []string
	for _, e := range entries {
		if e.Platform.OS != "" {
			names = append(names, e.Platform.Short())
		}
	}
	if len(names) == 0 {
		return "no platform"
	}
	return strings.Join(names, ", ")
}
