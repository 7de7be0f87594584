package serve

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// A Server answers requests. It is safe for concurrent use.
type Server struct {
	o       Options
	places  []source
	sink    place.Sink    // nil: read-only
	remover place.Remover // nil: nothing is deleted
	names   names
	graph   *graph
	uploads *uploadTable
	pushing chan struct{} // slots for manifests that come
	naming  chan struct{} // one slot, for who changes names
	lease   *lease
}

var _ http.Handler = (*Server)(nil)

// New returns a server of the places. It opens nothing; whoever made it closes it,
// before the places. The error wraps [place.ErrUnsupported] if a place cannot do
// what is asked of it here.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{o: o, graph: newGraph(), uploads: newUploadTable(o), pushing: make(chan struct{}, maxPushing), naming: make(chan struct{}, 1), lease: &lease{now: o.Now}}
	s.names.said = map[string]bool{}
	for _, p := range o.Places {
		src, err := newSource(p)
		if err != nil {
			return nil, err
		}
		s.places = append(s.places, src)
		if h, ok := place.As[place.Holder](p.Source); ok {
			s.lease.holders = append(s.lease.holders, h)
		}
	}
	if o.Writable {
		return s, s.writable()
	}
	return s, nil
}

// Close drops the uploads that are not complete.
func (s *Server) Close() error { return s.uploads.close() }

// Repositories returns the paths of all repositories, as the catalog has them. It
// fails if a place cannot be listed.
func (s *Server) Repositories(ctx context.Context) ([]string, error) {
	defer s.lease.take()()
	d, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	return d.paths, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := newRecorder(rw, s.o.Stall)
	began := s.o.Now()
	var user string
	defer func() {
		if p := recover(); p != nil {
			s.o.Events.Emit(event.Event{Kind: event.Warn, Text: fmt.Sprintf("answering %s: panic: %v\n%s", r.URL.Path, p, debug.Stack())})
			w.status = http.StatusInternalServerError
			defer panic(http.ErrAbortHandler)
		}
		if r.URL.Path != healthPath {
			s.o.Access(access(w, r, user, began, s.o.Now()))
		}
	}()
	if r.Body != http.NoBody {
		r.Body = w.body(r.Body)
	}
	user, err := s.answer(w, r)
	if err != nil {
		s.fail(w, r, err)
	}
}
