package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// values are what the shell offers for flags that take one of a few words.
func values() map[string][]string {
	return map[string][]string{
		"as":       {"hybrid", "docker", "oci"},
		"format":   {"text", "json"},
		"into":     {"store:", "docker-daemon:", "containers-storage:"},
		"platform": {"all", "local", "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64", "linux/s390x", "linux/ppc64le", "windows/amd64"},
		"progress": {"auto", "plain", "json", "none"},
	}
}

// completeFlags offers values for those flags of c that have some.
func completeFlags(c *cobra.Command) {
	for name, words := range values() {
		if c.Flags().Lookup(name) != nil {
			// Fails only for a flag that has a completion already.
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// completeStored offers the names in the store, as short as docker shows them.
func (a *app) completeStored(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if err := fromEnviron(c.Flags(), a.env.Getenv); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	s, err := a.store()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer s.Close() // only read from
	var names []string
	err = s.List(c.Context(), func(e place.Entry) error {
		n, err := ref.ParseName(e.Name)
		if err == nil && strings.HasPrefix(n.Familiar(), typed) {
			names = append(names, n.Familiar())
		}
		return nil
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
