package open

import (
	"context"
	"errors"
	"io"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/cstorage"
	"github.com/dray-oci/dray/pkg/place/daemon"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/ref"
)

// anEngine is Docker or Podman, open.
type anEngine interface {
	engine.Loader
	engine.Saver
	io.Closer
}

func (d *Doors) engine(ctx context.Context, k ref.Kind) (anEngine, error) {
	if k == ref.DockerDaemon {
		return daemon.Dial(ctx, d.o.Docker)
	}
	e, err := cstorage.New(d.o.Podman)
	return podman{e}, err
}

// podman is run for each thing it is asked, and holds nothing to close.
type podman struct{ *cstorage.Engine }

func (podman) Close() error { return nil }

// streams is how archives travel to and from engines.
func (d *Doors) streams() engine.Archive {
	return engine.Archive{
		Write: func(w io.Writer) (place.Sink, error) {
			return archive.NewStream(w, archive.Options{Events: d.o.Events})
		},
		Read: func(ctx context.Context, r io.Reader) (place.Source, error) {
			return orNone(archive.Read(ctx, r, d.readOptions(ref.Path)))
		},
	}
}

// An engineSource ends the connection to its engine with itself.
type engineSource struct {
	*engine.Source
	engine io.Closer
}

func (s *engineSource) Close() error { return errors.Join(s.Source.Close(), s.engine.Close()) }

// An engineSink ends the connection to its engine with itself.
type engineSink struct {
	*engine.Sink
	engine io.Closer
}

func (s *engineSink) Close() error { return errors.Join(s.Sink.Close(), s.engine.Close()) }
