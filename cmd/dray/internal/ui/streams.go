package ui

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are where a command reads and writes. Data goes to Out, everything
// else to Err. The zero value of every field but In, Out and Err is right for
// streams that are no terminals.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer

	InIsTerminal, OutIsTerminal, ErrIsTerminal bool

	// Getenv looks up an environment variable; nil means that none is set.
	Getenv func(string) string
	// Size returns the columns and lines of the terminal behind Err; nil means 80 by 24.
	Size func() (columns, lines int)

	inFile *os.File // In, where passwords are read without echo; nil if In is no terminal
}

// System returns the streams of this process.
func System(getenv func(string) string) *Streams {
	s := &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InIsTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutIsTerminal: isTerminal(os.Stdout),
		ErrIsTerminal: isTerminal(os.Stderr),
		Getenv:        getenv,
		Size: func() (int, int) {
			columns, lines, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0, 0
			}
			return columns, lines
		},
	}
	if s.InIsTerminal {
		s.inFile = os.Stdin
	}
	return s
}

// Buffers returns streams for a test: in is what is read, and what is written
// ends up in the two buffers.
func Buffers(in string) (s *Streams, out, err *bytes.Buffer) {
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	return &Streams{In: bytes.NewBufferString(in), Out: out, Err: err}, out, err
}

// isTerminal reports whether f is a terminal that understands escape sequences.
func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && enableEscapes(f)
}

func (s *Streams) env(key string) string {
	if s.Getenv == nil {
		return ""
	}
	return s.Getenv(key)
}

// size never returns less than what one readable line needs.
func (s *Streams) size() (columns, lines int) {
	if s.Size != nil {
		columns, lines = s.Size()
	}
	if columns <= 0 {
		columns = 80
	}
	if lines <= 0 {
		lines = 24
	}
	return max(columns, 20), max(lines, 3)
}

// A Colour of text on a terminal.
type Colour int

// The colours that mean something: what is wrong, what may be, what is right,
// and what is said beside the point.
const (
	Red    Colour = 31
	Yellow Colour = 33
	Green  Colour = 32
	Cyan   Colour = 36
)

// Paint returns text in colour c where Out shows colours, else text. Text from
// outside is quoted before: see [Quote].
func (s *Streams) Paint(c Colour, text string) string {
	return paint(s.colours(s.OutIsTerminal), c, text)
}

func (s *Streams) paintErr(c Colour, text string) string {
	return paint(s.colours(s.ErrIsTerminal), c, text)
}

func paint(on bool, c Colour, text string) string {
	if !on {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, text)
}

// colours follows no-color.org and bixense.com/clicolors; NO_COLOR is the stronger.
func (s *Streams) colours(terminal bool) bool {
	if s.env("NO_COLOR") != "" {
		return false
	}
	if force := s.env("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return terminal && s.env("TERM") != "dumb"
}

// animates reports whether Err is a terminal that somebody watches and on which
// lines can be drawn over.
func (s *Streams) animates() bool {
	ci := s.env("CI")
	return s.ErrIsTerminal && s.env("TERM") != "dumb" && (ci == "" || ci == "false")
}
