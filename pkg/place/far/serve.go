package far

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// Options say what the far end opens. Both functions are called from many goroutines.
type Options struct {
	// Source opens a place for reading, and returns what in it was named.
	Source func(ctx context.Context, name string) (src place.Source, resolve string, err error)
	// Sink opens a place for writing; form is that of an archive, empty for the usual one.
	Sink func(ctx context.Context, name, form string) (place.Sink, error)
	// Host is the platform of this host; zero: not told.
	Host arch.Platform
	// Events hears what goes wrong here; may be nil.
	Events event.Handler
}

// Serve answers on conn until the near end closes it or ctx ends, and closes it and
// all places. What the near end has not committed is left as an interrupted run leaves it.
func Serve(ctx context.Context, conn net.Conn, o Options) error {
	s := &server{o: o, places: map[string]*served{}, wanted: map[string]chan *incoming{}}
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.life = ctx
	ln := newOnce(conn)
	srv := &http.Server{
		Handler: s, MaxHeaderBytes: 64 << 10, Protocols: new(http.Protocols), HTTP2: tuning(),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(told{o.Events}, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				_ = ln.Close()
			}
		},
	}
	srv.Protocols.SetUnencryptedHTTP2(true)
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	err := srv.Serve(ln)
	end()
	s.running.Wait() // handlers, which ctx ends
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, s.closeAll())
}

// tuning lets a long line be filled: 16 MiB on their way are 80 ms at 200 MB/s.
func tuning() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: 1000, MaxReadFrameSize: 1 << 18,
		MaxReceiveBufferPerStream: 4 << 20, MaxReceiveBufferPerConnection: 16 << 20,
	}
}

// told hands on what [http.Server] logs.
type told struct{ event.Handler }

func (t told) Write(p []byte) (int, error) {
	t.Emit(event.Event{Kind: event.Warn, Text: strings.TrimSpace(string(p))})
	return len(p), nil
}

// A server is the far end.
type server struct {
	o       Options
	life    context.Context
	running sync.WaitGroup

	mu     sync.Mutex
	places map[string]*served
	opened int
	wants  int
	wanted map[string]chan *incoming // contents that are waited for
}

// A served is one open place. It keeps a context because sinks begin what outlives
// the request that begins it.
type served struct {
	source place.Source    // nil if it is only written
	sink   place.Sink      // nil if it is read
	life   context.Context // of what a sink begins; ends when it is closed
	end    context.CancelFunc
}

func (p *served) Close() error {
	if p.sink != nil {
		defer p.end()
		return p.sink.Close()
	}
	return p.source.Close()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()
	if err := s.answer(w, r); err != nil {
		fail(w, err)
	}
}

// answer answers, or returns an error before the first byte.
func (s *server) answer(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path == "/open" {
		return s.open(w, r)
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if id == "bytes" {
		return s.bytes(w, r, what)
	}
	s.mu.Lock()
	p := s.places[id]
	s.mu.Unlock()
	switch {
	case p == nil:
		return fmt.Errorf("no place %.20q is open: %w", id, place.ErrInvalid)
	case what == "close":
		return s.close(w, id, p)
	case p.sink != nil && p.write(what) != nil:
		return p.write(what)(s, w, r)
	case p.source != nil && p.read(what) != nil:
		return p.read(what)(w, r)
	}
	return fmt.Errorf("%.50q: %w", what, place.ErrUnsupported)
}

// open opens a place.
func (s *server) open(w http.ResponseWriter, r *http.Request) error {
	var q openQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	var a openAnswer
	p := &served{}
	if q.Write {
		sink, err := s.o.Sink(r.Context(), q.Place, q.Form)
		if err != nil {
			return err
		}
		p.sink = sink
		p.life, p.end = context.WithCancel(s.life)
		a.Traits = sink.Traits()
		_, a.Plans = place.As[place.Planner](sink)
		p.source, _ = place.As[place.Source](sink)
		_, lists := place.As[place.Lister](sink)
		_, removes := place.As[place.Remover](sink)
		a.Lists = p.source != nil && lists && removes
		if s.o.Host.OS != "" {
			a.Host = s.o.Host.String()
		}
	} else {
		src, name, err := s.o.Source(r.Context(), q.Place)
		if err != nil {
			return err
		}
		p.source, a.Name = src, name
		_, a.Lists = place.As[place.Lister](src)
	}
	id, err := s.keep(p)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	a.ID = id
	return answerDoc(w, a)
}

func (s *server) keep(p *served) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.places) >= maxOpenPlaces {
		return "", fmt.Errorf("%d places are open already: %w", len(s.places), place.ErrUnsupported)
	}
	s.opened++
	id := strconv.Itoa(s.opened)
	s.places[id] = p
	return id, nil
}

func (s *server) close(w http.ResponseWriter, id string, p *served) error {
	s.mu.Lock()
	delete(s.places, id)
	s.mu.Unlock()
	if err := p.Close(); err != nil {
		return err
	}
	return answerDoc(w, struct{}{})
}

func (s *server) closeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, p := range s.places {
		errs = append(errs, p.Close())
	}
	s.places = nil
	return errors.Join(errs...)
}

// once is a listener for one connection.
type once struct {
	conn   chan net.Conn
	closed chan struct{}
	end    sync.Once
	addr   net.Addr
}

func newOnce(c net.Conn) *once {
	o := &once{conn: make(chan net.Conn, 1), closed: make(chan struct{}), addr: c.LocalAddr()}
	o.conn <- c
	return o
}

func (o *once) Accept() (net.Conn, error) {
	select {
	case c := <-o.conn:
		return c, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *once) Close() error   { o.end.Do(func() { close(o.closed) }); return nil }
func (o *once) Addr() net.Addr { return o.addr }
