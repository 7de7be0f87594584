package tokens

import (
	"bufio"
	"fmt"
	"io"
)

// An expecter says by hints which token is to be expected next.
type expecter struct {
	hints *bufio.Reader
	left  int // bytes of the old match here that go on
	dist  int // its distance
}

func newExpecter(hints io.Reader) expecter {
	return expecter{hints: bufio.NewReaderSize(hints, 64<<10)}
}

// next returns the expected token; 0 is a literal, whichever.
func (e *expecter) next() token {
	if e.left == 0 {
		e.look()
	}
	if e.left < minMatch {
		return 0
	}
	return newMatch(e.left, e.dist)
}

// look looks whether an old match begins here.
func (e *expecter) look() {
	b, err := e.hints.Peek(minMatch)
	if err != nil {
		return // the end, or what advance will find
	}
	if m := hinted(b); m != 0 {
		e.left, e.dist = m.length(), m.dist()
	}
}

// advance goes on by n bytes.
func (e *expecter) advance(n int) error {
	for n > 0 {
		if e.left == 0 {
			e.look()
		}
		k := max(min(n, e.left), 1)
		if _, err := e.hints.Discard(k); err != nil {
			if err == io.EOF {
				err = fmt.Errorf("%w: too few hints", ErrProgram)
			}
			return err
		}
		e.left = max(e.left-k, 0)
		n -= k
	}
	return nil
}
