package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/config"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// The exit codes of dray: part of its contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitVerify      = 5
	exitPartly      = 6
	exitUnavailable = 7
	exitInterrupted = 130
)

// exitCodes is the help's account of them.
const exitCodes = `0 done · 1 failed · 2 wrong usage · 3 not found · 4 not allowed · 5 verification failed · 6 partly done · 7 network or registry unavailable · 130 interrupted`

// A usageError is the user's own: exit 2.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// An interruptedError is what Ctrl-C made of a command.
type interruptedError struct{ error }

func (e *interruptedError) Error() string { return "interrupted" }

// A hintedError adds advice to an error that has none of its own.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }
func (e *hintedError) Hint() string  { return e.hint }

// advise adds what helps against errors of err's kind, if nothing closer to its
// cause does.
func (a *app) advise(err error) error {
	if err == nil || as[*toldError](err) {
		return err
	}
	if hint := a.meantFile(err); hint != "" {
		return &hintedError{err, hint}
	}
	if ui.Hint(err) != "" {
		return err
	}
	if hint := a.missingFile(err); hint != "" {
		return &hintedError{err, hint}
	}
	if hint := a.lookAround(err); hint != "" {
		return &hintedError{err, hint}
	}
	again := "run the same command again: it goes on where this one stopped"
	switch code := exitCode(err); {
	case a.moving && (code == exitInterrupted || code == exitUnavailable):
		return &hintedError{err, again}
	case errors.Is(err, fs.ErrPermission) && a.inHome(err):
		return &hintedError{err, "choose a folder you may write to with --home or DRAY_HOME"}
	case code == exitVerify && (errors.Is(err, blob.ErrMismatch) || errors.Is(err, place.ErrInvalid)):
		return &hintedError{err, "what was read is damaged, or was cut on its way: fetch or copy it again"}
	}
	return err
}

// A partlyError says that some of what was asked for was done: exit 6.
type partlyError struct{ error }

func (e *partlyError) Unwrap() error { return e.error }

// A verifyError says that a check found something: exit 5.
type verifyError struct{ error }

func (e *verifyError) Unwrap() error { return e.error }

// A toldError exits as cause, which has been shown already with its hint: that is why
// it does not unwrap to it.
type toldError struct {
	cause error
	text  string
}

func (e *toldError) Error() string        { return e.text }
func (e *toldError) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *toldError) As(target any) bool   { return errors.As(e.cause, target) }

// inHome reports whether err is about a file of the local store.
func (a *app) inHome(err error) bool {
	var at *fs.PathError
	home, herr := a.home()
	return herr == nil && errors.As(err, &at) && strings.HasPrefix(at.Path, home)
}

// exitCode is what err means to whoever called dray.
func exitCode(err error) int {
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case err == nil:
		return exitDone
	case as[*interruptedError](err):
		return exitInterrupted
	case as[*usageError](err), as[*ref.SyntaxError](err), as[*arch.SyntaxError](err),
		as[*place.ChoiceError](err), as[*transfer.NameError](err), is(open.ErrOffline):
		return exitUsage
	case as[*partlyError](err), as[*transfer.IncompleteError](err):
		return exitPartly
	case as[*verifyError](err), is(blob.ErrMismatch), is(place.ErrInvalid):
		return exitVerify
	case is(place.ErrDenied), is(fs.ErrPermission), as[*config.BlockedError](err):
		return exitDenied
	case is(place.ErrUnavailable), is(context.DeadlineExceeded):
		return exitUnavailable
	case is(place.ErrNotFound), is(fs.ErrNotExist), as[*arch.MissingError](err):
		return exitNotFound
	}
	return exitFailed
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}
