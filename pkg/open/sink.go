package open

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/compress"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Sink is a place open for writing.
type Sink struct {
	place.Sink
	Ref ref.Ref
}

// Unwrap lets [place.As] look through.
func (s *Sink) Unwrap() place.Sink { return s.Sink }

// Digest is what the sink's own ref says must be written there; zero if it says nothing.
func (s *Sink) Digest() v1.Hash {
	digest := s.Ref.Name.Digest.String()
	if at, ok := strings.CutPrefix(s.Ref.Image, "@"); ok {
		digest = at
	}
	h, err := v1.NewHash(digest)
	if err != nil {
		return v1.Hash{}
	}
	return h
}

// Names returns under which names something is to be committed that was called
// given where it came from: the name that the sink's own ref has, else given.
func (s *Sink) Names(given []string) []string {
	switch {
	case s.Ref.There().Kind == ref.Registry && s.Ref.Name.Tag == "":
		return nil // by digest alone
	case s.Ref.There().Kind == ref.Registry:
		return []string{s.Ref.Name.Tag}
	case nameOf(s.Ref) != "":
		return []string{nameOf(s.Ref)}
	case strings.HasPrefix(s.Ref.Image, "@"):
		return nil // by digest alone
	case s.Ref.Image != "":
		return []string{s.Ref.Image}
	}
	return given
}

// Sink opens what r names for writing. The caller closes it, and looks at the
// error. Nothing is made before the first Put.
func (d *Doors) Sink(ctx context.Context, r ref.Ref) (*Sink, error) {
	s, err := d.sink(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Sink{Sink: s, Ref: r}, nil
}

func (d *Doors) sink(ctx context.Context, r ref.Ref) (place.Sink, error) {
	switch r.Kind {
	case ref.Registry:
		if d.o.Offline {
			return nil, fmt.Errorf("writing %s: %w", r, ErrOffline)
		}
		return d.o.Registry.Repo(r.Name), nil
	case ref.Store:
		return d.Store()
	case ref.DockerDaemon, ref.ContainersStorage:
		e, err := d.engine(ctx, r.Kind)
		if err != nil {
			return nil, err
		}
		return &engineSink{engine.NewSink(e, d.streams()), e}, nil
	case ref.OCIDir:
		return d.layout(r), nil
	case ref.SSH:
		return d.farSink(ctx, r)
	}
	if strings.HasPrefix(r.Image, "@") {
		return nil, fmt.Errorf("writing %s: an archive is written under a name, not a digest", r)
	}
	if isFolder(r) {
		return d.newLayout(r)
	}
	return d.newUpdate(d.newArchive(r))
}

// newLayout takes a plain path that is a folder for the layout in it, or for a
// new one if it is empty: nothing is strewn among other files.
func (d *Doors) newLayout(r ref.Ref) (place.Sink, error) {
	entries, err := os.ReadDir(r.Path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(r.Path, "index.json")); err != nil && len(entries) > 0 {
		return nil, &folderError{r.Path}
	}
	return d.layout(r), nil
}

// A folderError says that a folder with other things in it is no place to write to.
type folderError struct{ path string }

func (e *folderError) Error() string {
	return fmt.Sprintf("%s is a folder with other things in it, and no OCI layout", e.path)
}

// Hint says what can be meant.
func (e *folderError) Hint() string {
	return "name a file in it for an archive, or oci:DIR to make a layout there all the same"
}

func (d *Doors) newArchive(r ref.Ref) (place.Sink, error) {
	o := archive.Options{As: d.o.Form, Parts: d.o.Parts, Events: d.o.Events, Verified: d.verified}
	switch r.Kind {
	case ref.OCIArchive:
		o.As = archive.OCI
	case ref.DockerArchive:
		o.As = archive.Docker
	}
	if d.update != nil {
		o.As = archive.OCI
	}
	if r.Path == "-" {
		return archive.NewStream(stdout{d.o.Stdout}, o)
	}
	if kind := archive.Packing(r.Path); kind != compress.None {
		return archive.CreatePacked(r.Path, kind, o)
	}
	return archive.Create(r.Path, o)
}

// stdout hides that a stream can be closed or sought.
type stdout struct{ io.Writer }
