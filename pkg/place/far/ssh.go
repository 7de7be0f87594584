package far

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// SSH says how to reach other hosts. The zero value runs ssh, and needs a dray there.
type SSH struct {
	Program string // the client of ssh; empty: "ssh"
	// Own is the file of this program, a static one, which is put for the run on a
	// host that has none; empty: that is an error.
	Own    string
	Events event.Handler // hears what is said there; may be nil
}

// maxNoise bounds what the shell of a host may say before the far end does.
const maxNoise = 64 << 10

// Dial runs ssh to host, [user@]host[:port], and a dray on the other side. Nothing
// that comes from a user stands in what the shell there is told. What ssh asks it
// asks the terminal itself. The process ends with Close, or if ctx ends before Dial returns.
func Dial(ctx context.Context, host string, o SSH) (*Conn, error) {
	own, err := o.own()
	if err != nil {
		return nil, fmt.Errorf("reaching %s: %w", host, err)
	}
	defer own.close()
	args, err := arguments(host)
	if err != nil {
		return nil, err
	}
	if o.Program == "" {
		o.Program = "ssh"
	}
	p, err := start(exec.Command(o.Program, append(args, script(own.size))...), host, o.Events)
	if err != nil {
		return nil, fmt.Errorf("reaching %s: %w", host, err)
	}
	stop := context.AfterFunc(ctx, p.kill)
	err = p.greet(own)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		p.kill()
		return nil, errors.Join(err, ignored(p.Close()))
	}
	p.greeted()
	return NewConn(host, p), nil
}

// ignored is the end of a process that has failed already.
func ignored(error) error { return nil }

// arguments are those of ssh but for the command. The host cannot be taken for an option.
func arguments(host string) ([]string, error) {
	args := []string{"-T", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=20"}
	user, at, ok := strings.Cut(host, "@")
	if ok {
		args = append(args, "-l", user)
	} else {
		at = host
	}
	name := at
	if h, port, err := net.SplitHostPort(at); err == nil {
		name = h
		args = append(args, "-p", port)
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if name == "" || name[0] == '-' || strings.HasPrefix(user, "-") {
		return nil, fmt.Errorf("%.200q is no host: %w", host, place.ErrInvalid)
	}
	return append(args, "--", name), nil
}

// script is what the shell of the host is told: run the dray that is there if it
// speaks the same protocol, else take one of size bytes, run that and remove it. It
// says which before, and nobody sends anything else before the program speaks: so
// it does no harm that "head" may read ahead. There is nothing in it that one shell
// understands in another way than the next.
func script(size int64) string {
	n := strconv.FormatInt(size, 10)
	return `sh -c 'p=$(dray stdio --protocol 2>/dev/null </dev/null); ` +
		`if [ "$p" = ` + Protocol + ` ]; then exec dray stdio; fi; ` +
		`echo "` + Protocol + ` want $(uname -sm)"; ` +
		`d=$(mktemp -d "${TMPDIR:-/tmp}/dray.XXXXXXXXXX") || exit 1; t=$d/dray; ` +
		`head -c ` + n + ` >"$t"; if [ "$(wc -c <"$t")" -ne ` + n + ` ]; then rm -rf "$d"; exit 1; fi; ` +
		`chmod 700 "$t"; "$t" stdio --once; s=$?; rm -rf "$d"; exit $s'`
}

// A program is the file that is put where there is none.
type program struct {
	file *os.File // nil: there is none to put
	size int64
}

func (o SSH) own() (program, error) {
	if o.Own == "" {
		return program{}, nil
	}
	f, err := os.Open(o.Own)
	if err != nil {
		return program{}, err
	}
	fi, err := f.Stat()
	if err != nil {
		return program{}, errors.Join(err, f.Close())
	}
	return program{f, fi.Size()}, nil
}

func (p program) close() {
	if p.file != nil {
		_ = p.file.Close() // only read
	}
}

// greet waits until the far end speaks, and puts the program there if it is wanted.
func (p *process) greet(own program) error {
	sent := false
	for noise := 0; noise <= maxNoise; {
		line, err := p.line(maxNoise)
		if err != nil {
			return p.ended(err)
		}
		rest, ours := strings.CutPrefix(line, Protocol)
		switch {
		case ours && rest == "":
			return nil
		case ours && strings.HasPrefix(rest, " want ") && !sent:
			sent = true
			if err := p.put(own, strings.TrimPrefix(rest, " want ")); err != nil {
				return err
			}
		default:
			noise += len(line) + 1
		}
	}
	return fmt.Errorf("reaching %s: its shell says too much: %w", p.host, place.ErrInvalid)
}

// put sends the program, if it runs on such a system.
func (p *process) put(own program, system string) error {
	if own.file == nil || !runsHere(system) {
		return &absentError{p.host, system}
	}
	p.events.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("putting dray on %s for this run", p.host)})
	if _, err := io.Copy(p.in, io.NewSectionReader(own.file, 0, own.size)); err != nil {
		return p.ended(err)
	}
	return nil
}

// runsHere reports whether system, as "uname -sm" says it, is what this program is for.
func runsHere(system string) bool {
	name, machine, _ := strings.Cut(system, " ")
	machines := map[string]string{
		"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i386": "386", "i686": "386",
		"armv6l": "arm", "armv7l": "arm", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x", "loongarch64": "loong64",
	}
	return strings.ToLower(name) == runtime.GOOS && machines[machine] == runtime.GOARCH
}

// An absentError says that there is no dray on a host, and none can be put there.
type absentError struct{ host, system string }

func (e *absentError) Error() string {
	return fmt.Sprintf("reaching %s: there is no dray that speaks as this one, and this one is for %s/%s, not for %.60q", e.host, runtime.GOOS, runtime.GOARCH, e.system)
}

func (e *absentError) Unwrap() error { return place.ErrUnsupported }

// Hint says what helps.
func (e *absentError) Hint() string {
	return "install dray of the same version there, where a command of ssh finds it: ssh " + e.host + " dray version"
}
