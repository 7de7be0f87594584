// Package open is the way from a name to a place: the one spot that knows all
// places, and that stacks wrappers around them.
package open

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/cstorage"
	"github.com/dray-oci/dray/pkg/place/daemon"
	"github.com/dray-oci/dray/pkg/place/engine"
	"github.com/dray-oci/dray/pkg/place/far"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/ocidir"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/place/wrap"
	"github.com/dray-oci/dray/pkg/ref"
)

// Options are what places need. The zero value reaches layouts and archive files only.
type Options struct {
	Store    string    // folder of the local store; empty: there is none
	Memory   string    // folder of what may be forgotten, and saves work; empty: nothing is remembered
	TempDir  string    // for what has to be unpacked or spooled; empty: the system's
	Offline  bool      // bare names mean the store, and no registry is asked
	With     []ref.Ref // where to look for what an update leaves out; the store is looked into last
	Updates  bool      // look for updates at registries too, which costs reading the manifest
	Jobs     int       // encoders that rebuild one layer at once; below 1: one
	Registry *registry.Client
	Limit    int64 // bytes a second that are read, all sources together; 0: any number
	Docker   daemon.Options
	Podman   cstorage.Options
	SSH      far.SSH       // its Events are these
	Form     archive.Form  // of archives that are written
	Parts    archive.Parts // into which these are cut
	Stdin    io.Reader     // what "-" reads
	Stdout   io.Writer     // what "-" writes
	Events   event.Handler
}

// ErrOffline is returned for what cannot be had without the network.
var ErrOffline = errors.New("the network is not to be used")

// Doors open places. They are safe for concurrent use.
type Doors struct {
	o        Options
	limit    func(place.Source) place.Source
	line     wrap.Line
	near     near
	there    atomic.Pointer[mem.Place] // documents: see Recall
	hosts    hosts
	verified *memo.Verified  // nil without a Memory
	update   *bundle.Options // archives are written as updates; nil: as they are
	rebuild  *bundle.Rebuilder
}

// New returns doors; it opens none.
func New(o Options) *Doors {
	l := wrap.NewLimiter(o.Limit)
	d := &Doors{o: o, limit: func(s place.Source) place.Source { return wrap.Limit(s, l) }}
	d.rebuild = &bundle.Rebuilder{TempDir: o.TempDir, Jobs: o.Jobs, Events: o.Events}
	if o.Memory != "" {
		d.verified = memo.NewVerified(filepath.Join(o.Memory, "verified"))
	}
	return d
}

// A Source is an open place with what was named in it.
type Source struct {
	place.Source
	Ref  ref.Ref
	Name string // for Resolve
}

// Unwrap lets [place.As] look through.
func (s *Source) Unwrap() place.Source { return s.Source }

// Source opens what r names for reading. The caller closes it. A registry is
// not asked before something is resolved; archives are read through once here.
func (d *Doors) Source(ctx context.Context, r ref.Ref) (*Source, error) {
	src, name, err := d.source(ctx, r)
	if err == nil {
		src, err = d.whole(ctx, r, src, d.reading(d.with))
	}
	if err != nil {
		return nil, err
	}
	return &Source{Source: d.limit(src), Ref: r, Name: name}, nil
}

func (d *Doors) source(ctx context.Context, r ref.Ref) (place.Source, string, error) {
	switch r.Kind {
	case ref.Registry:
		return d.registry(r)
	case ref.Store:
		s, err := d.Store()
		return s, nameOf(r), err
	case ref.DockerDaemon, ref.ContainersStorage:
		e, err := d.engine(ctx, r.Kind)
		if err != nil {
			return nil, "", err
		}
		return &engineSource{engine.NewSource(e, d.streams(), nameOf(r), d.o.Events), e}, nameOf(r), nil
	case ref.OCIDir:
		return d.layout(r), r.Image, nil
	case ref.SSH:
		return d.farSource(ctx, r)
	}
	if isFolder(r) {
		return d.layout(r), "", nil
	}
	src, err := d.archive(ctx, r)
	return src, r.Image, err
}

func (d *Doors) layout(r ref.Ref) *ocidir.Dir {
	l := ocidir.New(r.Path, d.o.Events)
	l.Remember(d.verified)
	return l
}

// registry opens a repository, or offline what the store has of it. Content that
// the store has is never asked for.
func (d *Doors) registry(r ref.Ref) (place.Source, string, error) {
	if d.o.Offline && r.Explicit {
		return nil, "", fmt.Errorf("reading %s: %w", r, ErrOffline)
	}
	if d.o.Offline {
		s, err := d.Store()
		return s, nameOf(r), err
	}
	var repo place.Source = d.o.Registry.Repo(r.Name)
	if d.o.Limit == 0 { // who limits the rate has no use for more of it
		repo = wrap.Split(repo, &d.line)
	}
	if docs := d.there.Load(); docs != nil {
		repo = wrap.Cache(repo, docs)
	}
	if !d.hasStore() {
		return repo, r.Name.Identifier(), nil
	}
	s, err := d.near.use(d.Store)
	if err != nil {
		return nil, "", err
	}
	return wrap.Cache(repo, s), r.Name.Identifier(), nil
}

// hasStore reports whether there is a store to look into; reading does not make one.
func (d *Doors) hasStore() bool {
	if d.o.Store == "" {
		return false
	}
	_, err := os.Stat(d.o.Store)
	return err == nil
}

// Store opens the local store. The caller closes it.
func (d *Doors) Store() (*store.Store, error) {
	if d.o.Store == "" {
		return nil, errors.New("opening store: there is no home folder: set DRAY_HOME or --home")
	}
	s := store.New(d.o.Store, d.o.Events)
	s.Remember(d.verified)
	return s, nil
}

func (d *Doors) readOptions(k ref.Kind) archive.ReadOptions {
	o := archive.ReadOptions{TempDir: d.o.TempDir, Events: d.o.Events}
	switch k {
	case ref.OCIArchive:
		o.As = archive.OCI
	case ref.DockerArchive:
		o.As = archive.Docker
	}
	return o
}

func (d *Doors) archive(ctx context.Context, r ref.Ref) (place.Source, error) {
	if r.Path == "-" {
		return orNone(archive.Read(ctx, d.o.Stdin, d.readOptions(r.Kind)))
	}
	return orNone(archive.Open(ctx, r.Path, d.readOptions(r.Kind)))
}

// orNone returns a source that is nil where there is none, and not one that holds a nil.
func orNone(a *archive.Archive, err error) (place.Source, error) {
	if err != nil {
		return nil, err
	}
	return a, nil
}

// isFolder reports whether the plain path of r is a folder, which then is a layout.
func isFolder(r ref.Ref) bool {
	if r.Kind != ref.Path || r.Path == "-" {
		return false
	}
	fi, err := os.Stat(r.Path)
	return err == nil && fi.IsDir()
}

// nameOf is the image name in r, or empty.
func nameOf(r ref.Ref) string {
	if r.Name == (ref.Name{}) {
		return ""
	}
	return r.Name.String()
}
