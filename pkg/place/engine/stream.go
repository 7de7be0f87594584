package engine

import (
	"context"
	"errors"
	"io"

	"github.com/dray-oci/dray/pkg/place"
)

// A stream is an archive on its way into an engine.
type stream struct {
	archive place.Sink // writes here
	pipe    *io.PipeWriter
	loading *loading
}

// A loading is a Load that runs in a goroutine of its own.
type loading struct {
	done chan struct{}
	err  error // set when done is closed
}

func startLoading(ctx context.Context, e Loader, r *io.PipeReader) *loading {
	l := &loading{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = e.Load(ctx, r)
		if l.err == nil {
			l.err = context.Cause(ctx)
		}
	}()
	return l
}

// wait returns what came of it.
func (l *loading) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Write hands p to the engine. When the engine reads no more, it fails with the
// engine's error; if the engine has none, it has got the mark that ends a tar,
// and what comes after does not matter.
func (s *stream) Write(p []byte) (int, error) {
	n, err := s.pipe.Write(p)
	if errors.Is(err, io.ErrClosedPipe) {
		<-s.loading.done // near: Load closes the pipe last of all
		if s.loading.err == nil {
			return len(p), nil
		}
		err = s.loading.err
	}
	return n, err
}

// finish ends the archive and waits until the engine has taken it.
func (s *stream) finish(ctx context.Context, images []*image) error {
	for _, i := range images {
		if err := s.archive.Commit(ctx, i.root); err != nil {
			return err
		}
	}
	if err := s.archive.Close(); err != nil {
		return err
	}
	if err := s.pipe.Close(); err != nil {
		return err
	}
	return s.loading.wait(ctx)
}

var errNotFinished = errors.New("the archive was not finished")

// abort waits until the engine has given up. The context of loading has ended.
func (s *stream) abort() {
	// The engine must not take the end of the pipe for the end of an archive.
	s.pipe.CloseWithError(errNotFinished) // documented to return nil
	<-s.loading.done
}
