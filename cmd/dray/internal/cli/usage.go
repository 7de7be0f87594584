package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// knownCommand refuses what is no command, and says which was meant.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%.100q is no command of %s", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		return &hintedError{err, "did you mean " + strings.Join(names, ", ") + "?"}
	}
	return &hintedError{err, c.CommandPath() + " --help lists them"}
}

// wrongCount says of the arguments given, which args refuses, what is wrong.
func wrongCount(c *cobra.Command, args cobra.PositionalArgs, given []string) error {
	for i := len(given) - 1; i >= 0; i-- {
		if args(c, given[:i]) == nil {
			return fmt.Errorf("%.100q is one argument too many for %s", given[i], c.CommandPath())
		}
	}
	if len(given) == 0 {
		return fmt.Errorf("there is no argument for %s", c.CommandPath())
	}
	return fmt.Errorf("%s is too little for %s", plural(len(given), "argument"), c.CommandPath())
}

// wrongFlag says which flag of c was meant where err is about one that there is not.
// Before a command is known its flags are none: then the command is what is wrong.
func wrongFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return &hintedError{err, c.CommandPath() + " --help explains them"}
	}
	if c.HasSubCommands() && c.Flags().NArg() > 0 {
		return knownCommand(c, c.Flags().Args())
	}
	typed, name := "--"+unknown.GetSpecifiedName(), unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		typed, name = "-"+short, short
	}
	err = fmt.Errorf("unknown flag %.100s of %s", typed, c.CommandPath())
	if near := nearestFlag(name, c); near != "" {
		return &hintedError{err, fmt.Sprintf("did you mean --%s?", near)}
	}
	return &hintedError{err, c.CommandPath() + " --help lists them"}
}

// nearestFlag returns the flag of c, or of all commands, that name was meant to be:
// nearly the same, or one that begins with it.
func nearestFlag(name string, c *cobra.Command) string {
	const leastLetters = 3
	var flags []string
	longer := ""
	c.Flags().VisitAll(func(f *pflag.Flag) {
		flags = append(flags, f.Name)
		if longer == "" && len(name) >= leastLetters && strings.HasPrefix(f.Name, name) {
			longer = f.Name
		}
	})
	return cmp.Or(nearest(name, flags), longer)
}
