package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/config"
	"github.com/dray-oci/dray/pkg/place"
)

func newAuth(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Say where credentials come from",
	}
	explain := &cobra.Command{
		Use:     "explain HOST[/REPOSITORY]",
		Short:   "Say which files and helpers are looked at, and which one wins",
		Example: "  dray auth explain ghcr.io/org/app",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0]) },
	}
	a.formatFlag(explain.Flags(), config.Step{})
	a.authFileFlag(explain.Flags())
	get := &cobra.Command{
		Use:   "get HOST[/REPOSITORY]",
		Short: "Print the credentials for a registry, as a credential helper does",
		Long: `Print the credentials that would be used for a registry, as JSON in the form of docker's
credential helpers. The output is secret.`,
		Example: "  dray auth get ghcr.io | jq -r .Username",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.getAuth(cmd.Context(), args[0]) },
	}
	a.authFileFlag(get.Flags())
	cmd.AddCommand(explain, get)
	return cmd
}

func (a *app) explain(ctx context.Context, where string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	key, host, err := parseKey(where)
	if err != nil {
		return err
	}
	conf, err := a.registries()
	if err != nil {
		return err
	}
	steps, err := conf.Explain(ctx, host, strings.TrimPrefix(strings.TrimPrefix(key, host), "/"))
	if err != nil {
		return err
	}
	return a.pause(func() error {
		return ui.PrintList(a.streams, f, steps, func(w io.Writer) error {
			rows := make([][]string, 0, len(steps))
			for _, s := range steps {
				won := ""
				if s.Won {
					won = "*"
				}
				rows = append(rows, []string{won, s.Source, s.Key, s.Outcome})
			}
			return ui.Table(w, []string{"", "SOURCE", "KEY", "OUTCOME"}, rows)
		})
	})
}

func (a *app) getAuth(ctx context.Context, where string) error {
	key, host, err := parseKey(where)
	if err != nil {
		return err
	}
	conf, err := a.registries()
	if err != nil {
		return err
	}
	c, err := conf.Credential(ctx, host, strings.TrimPrefix(strings.TrimPrefix(key, host), "/"))
	if err != nil {
		return err
	}
	if c.Anonymous() {
		return &noLoginError{key}
	}
	answer := struct{ ServerURL, Username, Secret string }{host, c.Username, c.Password.Reveal()}
	if !c.IdentityToken.IsZero() {
		answer.Username, answer.Secret = "<token>", c.IdentityToken.Reveal()
	}
	if !c.RegistryToken.IsZero() {
		answer.Username, answer.Secret = "<registrytoken>", c.RegistryToken.Reveal()
	}
	json, err := ui.ParseFormat("json")
	if err != nil {
		return err
	}
	return a.pause(func() error { return a.streams.Print(json, answer, nil) })
}

// A noLoginError says that there are no credentials for key.
type noLoginError struct{ key string }

func (e *noLoginError) Error() string {
	return fmt.Sprintf("looking for credentials of %s: there are none", e.key)
}
func (e *noLoginError) Unwrap() error { return place.ErrNotFound }

// Hint says how to get some.
func (e *noLoginError) Hint() string { return "dray login " + e.key }
