package parts

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dray-oci/dray/pkg/place"
)

// What can be wrong with a part.
const (
	Missing = "missing" // there is no such file
	Size    = "size"    // it was cut, or is of another set
	Content = "content" // it was damaged, or is of another set
	Unread  = "unread"  // it cannot be read
)

// A Fault is one part of a set that is not what the document says.
type Fault struct {
	Part   Part
	Number int  // from 1
	Of     int  // parts, or parity
	Parity bool // it is one of these
	Kind   string
	Err    error
}

func (f *Fault) Error() string {
	what := "part"
	if f.Parity {
		what = "parity"
	}
	return fmt.Sprintf("%s %d of %d, %s: %v", what, f.Number, f.Of, f.Part.Name, f.Err)
}

// Unwrap returns why: place.ErrNotFound, place.ErrInvalid, or what reading returned.
func (f *Fault) Unwrap() error { return f.Err }

// A FaultsError says which parts of a set have to be carried again.
type FaultsError struct {
	Faults []*Fault
	Index  string // path of the document
	Data   int    // parts of the set
	Spare  int    // bad parts that its parity could make up for
}

// mostNamed is how many faults a message spells out.
const mostNamed = 5

func (e *FaultsError) Error() string {
	return e.list("; ", func(f *Fault) string { return f.Error() })
}

// list names the first faults, and says how many more there are.
func (e *FaultsError) list(sep string, name func(*Fault) string) string {
	var names []string
	for _, f := range e.Faults[:min(mostNamed, len(e.Faults))] {
		names = append(names, name(f))
	}
	if n := len(e.Faults) - mostNamed; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, sep)
}

// numbers are the bad parts as --only-parts takes them: 2,4-6.
func (e *FaultsError) numbers() string {
	var runs []string
	first, last := 0, -1
	end := func() {
		switch {
		case first == last:
			runs = append(runs, fmt.Sprint(first))
		case first < last:
			runs = append(runs, fmt.Sprintf("%d-%d", first, last))
		}
	}
	for _, f := range e.Faults {
		switch {
		case f.Parity:
		case f.Number == last+1:
			last++
		default:
			end()
			first, last = f.Number, f.Number
		}
	}
	end()
	return strings.Join(runs, ",")
}

// Unwrap returns the faults.
func (e *FaultsError) Unwrap() []error {
	errs := make([]error, 0, len(e.Faults))
	for _, f := range e.Faults {
		errs = append(errs, f)
	}
	return errs
}

// Hint says what to carry again, and how else it can be had.
func (e *FaultsError) Hint() string {
	data := 0
	for _, f := range e.Faults {
		if !f.Parity {
			data++
		}
	}
	if data == e.Data && data > 1 && !slices.ContainsFunc(e.Faults, (*Fault).isMissing) {
		return "not one part is what the document says: it is of another run, and to be carried again with them"
	}
	hint := "carry " + e.list(", ", func(f *Fault) string { return f.Part.Name }) + " again"
	if data > 0 {
		hint += fmt.Sprintf(" (where they come from, dray save … --only-parts %s writes just that)", e.numbers())
	}
	if len(e.Faults) <= e.Spare {
		hint += fmt.Sprintf(", or run: dray parts repair %q", e.Index)
	}
	return hint
}

func (f *Fault) isMissing() bool { return f.Kind == Missing }

// fault says what err, which came of opening or reading a part, means.
func (s *Set) fault(m member, err error) *Fault {
	f := &Fault{Part: m.Part, Number: m.number, Of: len(s.Parts), Parity: m.parity, Kind: Unread, Err: err}
	if m.parity {
		f.Of = len(s.Parity)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Kind, f.Err = Missing, missingError{}
	case errors.Is(err, errContent):
		f.Kind = Content
	case errors.Is(err, place.ErrInvalid):
		f.Kind = Size
	}
	return f
}

// errContent is what is wrong where the sum is.
const errContent = invalidError("its content is not what the document says: damaged, or of another run")

// An invalidError is place.ErrInvalid in other words.
type invalidError string

func (e invalidError) Error() string { return string(e) }
func (e invalidError) Unwrap() error { return place.ErrInvalid }

// A missingError is place.ErrNotFound in other words.
type missingError struct{}

func (missingError) Error() string { return "it is not there" }
func (missingError) Unwrap() error { return place.ErrNotFound }
