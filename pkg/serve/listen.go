package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/event"
)

// Bounds on a connection that is not, or not yet, doing anything of use.
const (
	headerTimeout  = 20 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	sweepEvery     = 30 * time.Second
)

// ErrCut is wrapped by the error that says requests were not waited for any longer.
var ErrCut = errors.New("requests were cut off")

// Serve answers what comes through ln, which it closes, until ctx ends: in TLS if
// conf is not nil. Then it takes nothing new, and waits for what is under way, no
// longer than grace; the error wraps [ErrCut] if that was not enough.
func (s *Server) Serve(ctx context.Context, ln net.Listener, conf *tls.Config, grace time.Duration) error {
	if conf != nil {
		ln = tls.NewListener(ln, conf)
	}
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    log.New(told{s.o.Events}, "", 0),
		Protocols:   new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true) // a connection for each layer is faster than one with many streams
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving: %w", err)
		}
		return nil
	})
	g.Go(func() error { return s.sweep(gctx) })
	g.Go(func() error {
		<-gctx.Done()
		patience, stop := context.WithTimeout(requests, grace)
		defer stop()
		if err := srv.Shutdown(patience); err != nil {
			end()
			return errors.Join(fmt.Errorf("stopping: %w after %v", ErrCut, grace), srv.Close())
		}
		return nil
	})
	return g.Wait()
}

// sweep drops what was left behind, until ctx ends.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.uploads.sweep(); err != nil {
				s.o.Events.Emit(event.Event{Kind: event.Warn, Err: fmt.Errorf("dropping old uploads: %w", err)})
			}
			s.lease.sweep()
		}
	}
}

// told hands on what [http.Server] logs.
type told struct{ event.Handler }

func (t told) Write(p []byte) (int, error) {
	t.Emit(event.Event{Kind: event.Warn, Text: strings.TrimSpace(string(p))})
	return len(p), nil
}
