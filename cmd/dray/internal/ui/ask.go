package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// ErrNoTerminal is returned where somebody would have to be asked and stdin is
// no terminal.
var ErrNoTerminal = errors.New("stdin is not a terminal")

// maxPasswordBytes is more than any token in use: the largest, signed identity
// tokens with group lists, stay below 16 KiB.
const maxPasswordBytes = 64 << 10

// Confirm asks question on the terminal and reports whether the answer was yes.
// Nothing typed means no.
func (s *Streams) Confirm(ctx context.Context, question string) (bool, error) {
	if !s.InIsTerminal {
		return false, ErrNoTerminal
	}
	answer, err := s.ask(ctx, question+" [y/N] ", func() (string, error) { return readLine(s.In) })
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

// ReadLine asks for one line on the terminal, such as a user name.
func (s *Streams) ReadLine(ctx context.Context, prompt string) (string, error) {
	if !s.InIsTerminal {
		return "", ErrNoTerminal
	}
	line, err := s.ask(ctx, prompt, func() (string, error) { return readLine(s.In) })
	return strings.TrimSpace(line), err
}

// ReadPassword asks for a password on the terminal, without showing it.
func (s *Streams) ReadPassword(ctx context.Context, prompt string) (string, error) {
	if s.inFile == nil {
		return "", ErrNoTerminal
	}
	fd := int(s.inFile.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("reading password: %w", err)
	}
	password, err := s.ask(ctx, prompt, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	if ctx.Err() != nil {
		// Without this an interrupted prompt leaves a shell that shows nothing.
		return "", errors.Join(err, term.Restore(fd, before))
	}
	fmt.Fprintln(s.Err) // the line break that was typed is not shown either
	return password, err
}

// ReadPasswordStdin reads In to its end and returns it without the last line
// break: what --password-stdin means. It must be neither empty nor more than 64 KiB.
func (s *Streams) ReadPasswordStdin() (string, error) {
	b, err := io.ReadAll(io.LimitReader(s.In, maxPasswordBytes+1))
	if err != nil {
		return "", fmt.Errorf("reading password from stdin: %w", err)
	}
	if len(b) > maxPasswordBytes {
		return "", fmt.Errorf("reading password from stdin: more than %d bytes", maxPasswordBytes)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if password == "" {
		return "", errors.New("reading password from stdin: it is empty")
	}
	return password, nil
}

// ask shows prompt and waits for read or for the end of ctx. A read from a
// terminal cannot be stopped: after ctx has ended its goroutine stays until
// the process exits, which is what comes next.
func (s *Streams) ask(ctx context.Context, prompt string, read func() (string, error)) (string, error) {
	if _, err := io.WriteString(s.Err, prompt); err != nil {
		return "", err
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return "", ctx.Err()
	}
}

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordBytes)).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("reading answer: %w", unexpected(err))
	}
	return line, nil
}

// unexpected keeps the end of the input from passing for the end of a blob.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
