// Package cli is the command line of dray: one command a file, each turning
// flags into a verb of the library and its result into something to read.
package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

// Env is what a run of dray depends on.
type Env struct {
	Args    []string
	Streams *ui.Streams
	Getenv  func(string) string
	Version Version
}

// Main runs one command and returns the exit code of dray. What happened is
// written to the streams of e; it touches no other.
func Main(ctx context.Context, e Env) int {
	a := &app{env: e, streams: e.Streams}
	root := newRoot(a)
	root.SetArgs(e.Args)
	err := root.ExecuteContext(ctx)
	if cerr := a.close(); err == nil {
		err = cerr
	}
	if n := a.lost.Load(); n > 0 && err == nil {
		err = &partlyError{fmt.Errorf("not everything was done: %s left out, see the warnings", plural(int(n), "name"))}
	}
	if ctx.Err() != nil && err != nil {
		err = &interruptedError{err}
	}
	a.fail(err)
	return exitCode(err)
}

const rootLong = `dray moves, inspects, verifies and edits container images without a daemon.

A name is an image at its registry (alpine:3.20), unless it says otherwise:
store:NAME is the local store, oci:DIR a layout, docker-archive:FILE and anything
that looks like a path an archive, docker-daemon:NAME and containers-storage:NAME
the stores of Docker and Podman.`

func newRoot(a *app) *cobra.Command {
	a.printed = map[*pflag.FlagSet][]any{}
	root := &cobra.Command{
		Use:           "dray",
		Short:         "Container images without a daemon",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       a.env.Version.orDefault(),
	}
	root.SetIn(a.streams.In)
	root.SetOut(a.streams.Out)
	root.SetErr(a.streams.Err)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.PersistentFlags().BoolVarP(&a.o.verbose, "verbose", "v", false, "log each request and retry")
	for _, g := range groups(a) {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetUsageTemplate(root.UsageTemplate() + "\nExit codes:\n  " + exitCodes + "\n")
	strictHelp(root)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{wrongFlag(c, err)} })
	prepare(root, a)
	return root
}

// strictHelp makes "help" and "completion" refuse what is no command.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run = nil
		c.RunE = func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return &usageError{knownCommand(about, rest)}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		}
	}
}

// fail shows the error that a command ends with, after all else.
func (a *app) fail(err error) {
	if a.progress != nil && a.progress.Fail(a.advise(err)) {
		return
	}
	a.streams.Error(a.advise(err))
}

// A group is a heading of the help with its commands.
type group struct {
	id, title string
	commands  []*cobra.Command
}

// prepare gives every command what all have: flags from the environment, wrong
// arguments that exit as wrong usage, and the exit codes in the help.
func prepare(c *cobra.Command, a *app) {
	for _, sub := range c.Commands() {
		prepare(sub, a)
	}
	completeFlags(c)
	if c.HasSubCommands() && c.HasParent() {
		c.Args, c.RunE = knownCommand, func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if args := c.Args; args != nil {
		c.Args = func(c *cobra.Command, given []string) error {
			err := args(c, given)
			if err != nil && ui.Hint(err) == "" {
				err = &hintedError{wrongCount(c, args, given), "usage: " + c.UseLine()}
			}
			if err != nil {
				return &usageError{err}
			}
			return nil
		}
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := fromEnviron(c.Flags(), a.env.Getenv); err != nil {
				return &usageError{err}
			}
			if err := a.checkFormat(c.Flags()); err != nil { // before anything is done
				return err
			}
			return run(c, args)
		}
	}
}

func commands(a *app, makers ...func(*app) *cobra.Command) []*cobra.Command {
	cmds := make([]*cobra.Command, 0, len(makers))
	for _, m := range makers {
		cmds = append(cmds, m(a))
	}
	return cmds
}
