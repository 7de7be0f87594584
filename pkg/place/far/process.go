package far

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// How long a process may take to end by itself, after its input has ended and after
// its output has.
const (
	endGrace = 10 * time.Second
	sayGrace = 2 * time.Second
)

// A process is a connection to what a command reads and writes.
type process struct {
	host   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	events event.Handler

	silent atomic.Bool   // its output has ended
	done   chan struct{} // closed when the command has ended
	err    error         // how; set when done is closed
	close  sync.Once

	mu   sync.Mutex
	said []string // on stderr, the last lines
	told bool     // said is told as it comes
}

var _ net.Conn = (*process)(nil)

// maxSaid is how many lines are kept that explain an end.
const maxSaid = 20

func start(cmd *exec.Cmd, host string, events event.Handler) (*process, error) {
	p := &process{host: host, cmd: cmd, events: events, done: make(chan struct{})}
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.out = out
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = fmt.Errorf("%w: %w", err, place.ErrUnsupported)
		}
		return nil, err
	}
	listened := make(chan struct{})
	go func() { defer close(listened); p.listen(said) }()
	go func() {
		state, err := cmd.Process.Wait() // not cmd.Wait, which would close what is still read
		if err == nil && !state.Success() {
			err = errors.New(state.String())
		}
		select { // a connection that ssh shares with later ones keeps stderr open
		case <-listened:
		case <-time.After(sayGrace):
		}
		p.err = err
		close(p.done)
	}()
	return p, nil
}

// listen takes what is said on stderr, line by line.
func (p *process) listen(r io.Reader) {
	lines := bufio.NewReaderSize(r, 4<<10)
	for {
		line, _, err := lines.ReadLine() // a longer one comes in pieces
		if err != nil {
			return
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			p.hear(text)
		}
	}
}

func (p *process) hear(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said = append(p.said, text); len(p.said) > maxSaid {
		p.said = p.said[1:]
	}
	if p.told {
		p.tell(text)
	}
}

func (p *process) tell(text string) {
	e := event.Event{Kind: event.Note, Name: p.host}
	if rest, ok := strings.CutPrefix(text, "warning: "); ok {
		e.Kind, text = event.Warn, rest
	}
	e.Text = p.host + ": " + strings.TrimPrefix(text, "note: ")
	p.events.Emit(e)
}

// greeted tells what was said until now; before, it explains a failure.
func (p *process) greeted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.said {
		p.tell(text)
	}
	p.told = true
}

// line reads one line, and nothing behind it.
func (p *process) line(most int) (string, error) {
	var line []byte
	for len(line) < most {
		var b [1]byte
		if _, err := io.ReadFull(p.out, b[:]); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}

// ended is why the command has ended, after err.
func (p *process) ended(err error) error {
	p.silent.Store(true)
	if why := p.Why(); why != nil {
		return why
	}
	return fmt.Errorf("reaching %s: %v: %w", p.host, err, place.ErrUnavailable)
}

// Why explains that nothing more is said; nil if that is not so.
func (p *process) Why() error {
	if !p.silent.Load() {
		return nil
	}
	select {
	case <-p.done:
	case <-time.After(sayGrace):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text := "it has ended"
	select {
	case <-p.done:
		if p.err != nil {
			text = p.err.Error()
		}
	default:
	}
	if len(p.said) > 0 {
		text += ": " + p.said[len(p.said)-1]
	}
	return fmt.Errorf("reaching %s: %s: %s: %w", p.host, p.cmd.Args[0], text, place.ErrUnavailable)
}

func (p *process) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if err != nil {
		p.silent.Store(true)
	}
	return n, err
}

func (p *process) Write(b []byte) (int, error) { return p.in.Write(b) }

func (p *process) kill() { _ = p.cmd.Process.Kill() } // it may have ended

// Close ends the input of the command, waits for it, and does not wait for ever.
func (p *process) Close() error {
	p.close.Do(func() {
		_ = p.in.Close() // it may have ended
		timer := time.AfterFunc(endGrace, p.kill)
		defer timer.Stop()
		<-p.done
	})
	return nil
}

func (p *process) LocalAddr() net.Addr              { return stream{} }
func (p *process) RemoteAddr() net.Addr             { return stream{} }
func (p *process) SetDeadline(time.Time) error      { return nil }
func (p *process) SetReadDeadline(time.Time) error  { return nil }
func (p *process) SetWriteDeadline(time.Time) error { return nil }
