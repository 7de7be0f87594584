package cstorage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// endGrace is how long podman may take to put its store in order when it is
// told to stop.
const endGrace = 10 * time.Second

// run runs podman with args. In, if not nil, is closed; it and out may be nil.
func (e *Engine) run(ctx context.Context, in io.ReadCloser, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, e.command[0], append(e.command[1:len(e.command):len(e.command)], args...)...)
	var stderr lastWords
	sink := &errorWriter{w: out}
	cmd.Stderr = &stderr
	if out != nil {
		cmd.Stdout = sink
	}
	cmd.WaitDelay = endGrace
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return cmd.Process.Kill() // Windows knows no signals
		}
		return nil
	}
	err := feed(ctx, cmd, in)
	switch {
	case err == nil:
		return sink.err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case sink.err != nil:
		return sink.err // podman only noticed that nobody reads
	}
	if text := stderr.String(); text != "" {
		err = fmt.Errorf("%s (%w)", text, err)
	}
	return fmt.Errorf("podman %s: %w", args[0], err)
}

// feed runs cmd with in on its stdin. Os/exec would wait for in when podman has
// long given up; here in is closed then, so that whoever writes to it learns.
func feed(ctx context.Context, cmd *exec.Cmd, in io.ReadCloser) error {
	if in == nil {
		return cmd.Run()
	}
	defer in.Close() // only read
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin = r
	err = cmd.Start()
	r.Close() // podman has its own end
	if err != nil {
		w.Close()
		return err
	}
	cut, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		defer w.Close() // podman looks at what it got
		_, err := blob.Copy(ctx, w, in)
		if err != nil && !errors.Is(err, syscall.EPIPE) {
			cut <- err
			_ = cmd.Cancel() // before it takes what was cut for the whole
		}
	}()
	err = cmd.Wait()
	select {
	case cutErr := <-cut:
		err = cutErr
	default:
	}
	in.Close()
	<-done
	return err
}

// maxAnswerBytes bounds what podman lists: 16 MiB are some 10,000 images.
const maxAnswerBytes = 16 << 20

// atMost holds what is written to it, within maxAnswerBytes.
type atMost struct{ b []byte }

func (a *atMost) Write(p []byte) (int, error) {
	if len(a.b)+len(p) > maxAnswerBytes {
		return 0, fmt.Errorf("podman says more than %d bytes: %w", maxAnswerBytes, place.ErrInvalid)
	}
	a.b = append(a.b, p...)
	return len(p), nil
}

// errorWriter remembers its error, which podman's own death would hide.
type errorWriter struct {
	w   io.Writer
	err error
}

func (e *errorWriter) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	if err != nil {
		e.err = err
	}
	return n, err
}

// lastWords keeps the end of what podman says on stderr: the reason comes last.
type lastWords struct{ b []byte }

// maxStderrBytes is some ten lines.
const maxStderrBytes = 2 << 10

func (l *lastWords) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	if over := len(l.b) - maxStderrBytes; over > 0 {
		l.b = l.b[over:]
	}
	return len(p), nil
}

func (l *lastWords) String() string {
	return strings.TrimPrefix(strings.TrimSpace(string(l.b)), "Error: ")
}
