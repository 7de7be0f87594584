package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

// formatFlag is for commands that print something worth formatting: one of what is
// printed, of which the zero value will do; none where a template is filled in from
// a document.
func (a *app) formatFlag(fs *pflag.FlagSet, printed ...any) {
	fs.StringVar(&a.o.format, "format", "text", "text, json, or a Go template")
	shared(fs, "format")
	a.printed[fs] = printed
}

// format parses --format.
func (a *app) format() (ui.Format, error) { return parseFormat(a.o.format) }

// checkFormat returns an error if the --format of a command with the flags fs could
// not be filled in from what it prints.
func (a *app) checkFormat(fs *pflag.FlagSet) error {
	if printed, ok := a.printed[fs]; ok {
		_, err := parseFormat(a.o.format, printed...)
		return err
	}
	return nil
}

// parseFormat parses a format that is to be filled in from one of printed, if there
// are any.
func parseFormat(s string, printed ...any) (ui.Format, error) {
	f, err := ui.ParseFormat(s)
	if err != nil && len(printed) > 0 {
		err = &hintedError{err, "a template is '{{.FIELD}}', where FIELD is one of " + strings.Join(ui.Fields(printed[0]), ", ")}
	}
	if err != nil {
		return f, &usageError{fmt.Errorf("--format: %w", err)}
	}
	for _, v := range printed {
		ferr := f.Fits(v)
		if ferr == nil {
			return f, nil
		}
		if err == nil {
			err = &usageError{fmt.Errorf("--format: %w", ferr)}
		}
	}
	return f, err
}
