package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/pkg/list"
	"github.com/dray-oci/dray/pkg/ref"
)

// lists are the flags of commands that take many images.
type lists struct {
	file   string // names to read
	retry  string // report of which the failed ones are to be tried again
	report string // file to write what became of each
	lock   string // list to write with the digests that were carried
}

// isGiven reports whether images come from a list: then one that fails holds up
// no other.
func (l lists) isGiven() bool { return l.file != "" || l.retry != "" }

// listFlags are for commands that take a list of images from a file.
func (a *app) listFlags(fs *pflag.FlagSet) {
	fs.StringVarP(&a.lists.file, "file", "f", "", "`list` of images, one a line: NAME [as=NEWNAME] [platform=P,P]; - for standard input")
	fs.StringVar(&a.lists.retry, "retry-failed", "", "take the images that failed in this `report`")
	fs.StringVar(&a.lists.report, "report", "", "write what became of each image to `file`, as JSON")
	fs.StringVar(&a.lists.lock, "lock", "", "write a list with the digests that were carried to `file`")
}

// lines are the arguments, the lines of the list that -f names, and what failed
// in the report that --retry-failed names.
func (a *app) lines(args []string) ([]list.Line, error) {
	var lines []list.Line
	for _, arg := range args {
		lines = append(lines, list.Line{Name: arg})
	}
	if a.lists.file != "" {
		more, err := readNamed(a, a.lists.file, list.Read)
		if err != nil {
			err = fmt.Errorf("reading list: %w", err)
			if ext := filepath.Ext(a.lists.file); ext == ".yaml" || ext == ".yml" {
				err = &hintedError{err, "a list is text; dray sync takes rules in YAML"}
			}
			return nil, &usageError{err}
		}
		lines = append(lines, more...)
	}
	if a.lists.retry != "" {
		report, err := readNamed(a, a.lists.retry, list.ReadReport)
		if err != nil {
			return nil, &usageError{fmt.Errorf("reading report: %w", err)}
		}
		lines = append(lines, report.Failed()...)
	}
	switch {
	case len(lines) > 0:
		return lines, nil
	case a.lists.retry != "" && a.lists.file == "":
		return nil, &usageError{fmt.Errorf("reading report: nothing has failed in %s", a.lists.retry)}
	case a.lists.isGiven():
		return nil, &usageError{fmt.Errorf("reading list: there is no name in %s", a.lists.file)}
	}
	return nil, &usageError{errors.New("name at least one image, or a list of names with -f")}
}

// readNamed has read read a file, or standard input where that is named.
func readNamed[T any](a *app, file string, read func(r io.Reader, file string) (T, error)) (T, error) {
	if file == "-" {
		return read(a.streams.In, "standard input")
	}
	f, err := os.Open(file)
	if err != nil {
		var none T
		return none, err
	}
	defer f.Close()
	return read(f, file)
}

// A named line is one whose name has been parsed.
type namedLine struct {
	list.Line
	from ref.Ref
}

// named parses the names of lines; a bare one is of kind bare. Registries that are
// named are remembered.
func (a *app) named(lines []list.Line, bare ref.Kind) ([]namedLine, error) {
	all := make([]namedLine, 0, len(lines))
	var wrong []error
	for _, l := range lines {
		if l.Number == 0 {
			a.typed(l.Name, bare)
		}
		r, err := ref.Parse(l.Name)
		if err != nil && l.Number > 0 {
			err = fmt.Errorf("%s: %w", l.At(), err)
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if r.Kind == ref.Registry && !r.Explicit {
			r.Kind = bare
		}
		if r.Kind == ref.Registry {
			a.talksTo(r.Name.Host)
		}
		all = append(all, namedLine{l, r})
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong[:min(len(wrong), list.MaxFaults)]...)
	}
	if a.lists.lock != "" {
		for _, l := range all {
			if l.from.Name == (ref.Name{}) || l.from.Kind != ref.Registry && l.from.Kind != ref.Store {
				return nil, &usageError{fmt.Errorf("--lock: %s cannot be named by its digest: take images from a registry or the store", l.from)}
			}
		}
	}
	return all, nil
}

// subject is what a command that takes lines is about, for its error.
func subject(lines []list.Line) string {
	if len(lines) == 1 {
		return lines[0].Name
	}
	return fmt.Sprintf("%d images", len(lines))
}
