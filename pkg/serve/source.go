package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// A source is a place with what serving asks of it.
type source struct {
	place.Source
	lister  place.Lister
	filer   place.Filer
	stamper place.Stamper // nil: listed anew for every request
	own     ref.Name      // of images whose names have no repository; zero: left out
}

func newSource(p Place) (source, error) {
	src := source{Source: p.Source}
	var ok bool
	if src.lister, ok = place.As[place.Lister](p.Source); !ok {
		return src, fmt.Errorf("serving: what is there cannot be listed: %w", place.ErrUnsupported)
	}
	if src.filer, ok = place.As[place.Filer](p.Source); !ok {
		return src, fmt.Errorf("serving: content cannot be opened by its digest: %w", place.ErrUnsupported)
	}
	src.stamper, _ = place.As[place.Stamper](p.Source)
	if p.Name == "" {
		return src, nil
	}
	n, err := ref.ParseRepository(p.Name)
	if err != nil {
		return src, err
	}
	if src.own = n; n.Host == hub && !strings.HasPrefix(p.Name, hub+"/") {
		src.own = ref.Name{Repository: p.Name}
	}
	return src, nil
}

// hub is the host of names that say none.
const hub = "docker.io"

func (s *Server) writable() error {
	var ok bool
	if len(s.o.Places) > 0 {
		s.sink, ok = place.As[place.Sink](s.o.Places[0].Source)
	}
	if ok && s.o.AllowDelete {
		s.remover, ok = place.As[place.Remover](s.o.Places[0].Source)
	}
	if !ok {
		return fmt.Errorf("serving: the first place cannot be written: %w", place.ErrUnsupported)
	}
	return nil
}

// open opens content, from the first place that has it.
func (s *Server) open(ctx context.Context, h v1.Hash) (place.File, error) {
	var failed error
	for _, p := range s.places {
		f, err := p.filer.OpenFile(ctx, h)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, place.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return nil, failed
	}
	return nil, fmt.Errorf("%s: %w", h, place.ErrNotFound)
}
