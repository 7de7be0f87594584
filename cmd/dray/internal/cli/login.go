package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/config"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

// hub is where a login goes that names no registry, as with docker.
const hub = "docker.io"

func newLogin(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login [HOST[/NAMESPACE]]",
		Short: "Log in to a registry, verified there, shared with docker and podman",
		Long: `Log in to a registry. The credentials are tried at the registry first, then kept where
docker and podman find them too: in the credential helper that is configured, else in a file.`,
		Example: `  echo "$TOKEN" | dray login ghcr.io --username bot --password-stdin
  dray login registry.local:5000`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), first(args, hub)) },
	}
	fs := cmd.Flags()
	a.connectFlags(fs)
	return cmd
}

func first(args []string, otherwise string) string {
	if len(args) > 0 {
		return args[0]
	}
	return otherwise
}

// parseKey takes HOST or HOST/NAMESPACE, with or without https:// before it.
func parseKey(s string) (key, host string, err error) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	h, namespace, _ := strings.Cut(strings.TrimSuffix(s, "/"), "/")
	if host, err = ref.ParseHost(h); err != nil {
		return "", "", err
	}
	if namespace == "" || namespace == "v1" || namespace == "v2" {
		return host, host, nil
	}
	if _, err := ref.ParseRepository(host + "/" + namespace); err != nil {
		return "", "", err
	}
	return host + "/" + namespace, host, nil
}

func (a *app) login(ctx context.Context, where string) error {
	key, host, err := parseKey(where)
	if err != nil {
		return err
	}
	cred, err := a.ask(ctx, key)
	if err != nil {
		return err
	}
	a.o.username, a.o.passwordStdin = "", false // they are in cred, and stdin is read
	client, err := a.registry()
	if err != nil {
		return err
	}
	if err := client.Ping(ctx, host, registry.Credential{Username: cred.Username, Password: cred.Password.Reveal()}); err != nil {
		return &loginError{key, err}
	}
	conf, err := a.registries()
	if err != nil {
		return err
	}
	stored, err := conf.Login(ctx, key, cred)
	if err != nil {
		return fmt.Errorf("logging in to %s: %w", key, err)
	}
	if stored.Plaintext {
		events, err := a.events()
		if err != nil {
			return err
		}
		events.Emit(event.Event{
			Kind: event.Warn, Text: "the password is kept unencrypted in " + stored.Where,
			Hint: "configure a credential helper: https://docs.docker.com/go/credential-store/",
		})
	}
	return a.pause(func() error { return a.streams.Lines("logged in to " + key) })
}

// A loginError says that a registry did not take the credentials.
type loginError struct {
	key string
	err error
}

func (e *loginError) Error() string { return fmt.Sprintf("logging in to %s: %v", e.key, e.err) }
func (e *loginError) Unwrap() error { return e.err }

// Hint is about what was typed; that of the registry would say to log in.
func (e *loginError) Hint() string {
	if errors.Is(e.err, place.ErrDenied) {
		return "check the user name and the password; many registries want an access token instead"
	}
	return ui.Hint(e.err)
}

// ask gets user name and password from the flags, else from the terminal.
func (a *app) ask(ctx context.Context, key string) (config.Credential, error) {
	c := config.Credential{Key: key, Username: a.o.username}
	var err error
	if c.Username == "" {
		if a.o.passwordStdin {
			return c, &usageError{errors.New("--password-stdin needs --username")}
		}
		if c.Username, err = a.streams.ReadLine(ctx, "Username: "); err != nil {
			return c, askError(err)
		}
	}
	password := ""
	if a.o.passwordStdin {
		password, err = a.streams.ReadPasswordStdin()
	} else {
		password, err = a.streams.ReadPassword(ctx, "Password: ")
	}
	c.Password = config.NewSecret(password)
	return c, askError(err)
}

func askError(err error) error {
	if errors.Is(err, ui.ErrNoTerminal) {
		return &usageError{fmt.Errorf("%w: give --username and --password-stdin", err)}
	}
	return err
}

func newLogout(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "logout [HOST[/NAMESPACE]]",
		Short:   "Forget the credentials of a registry",
		Example: "  dray logout ghcr.io\n  dray logout --all",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return &usageError{errors.New("name a registry or give --all, not both")}
			}
			return a.logout(cmd.Context(), first(args, hub), all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "forget every registry")
	a.authFileFlag(cmd.Flags())
	return cmd
}

func (a *app) logout(ctx context.Context, where string, all bool) error {
	conf, err := a.registries()
	if err != nil {
		return err
	}
	var removed []string
	if all {
		where = "every registry"
		removed, err = conf.LogoutAll(ctx)
	} else {
		var key string
		if key, _, err = parseKey(where); err != nil {
			return err
		}
		removed, err = conf.Logout(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("logging out of %s: %w", where, err)
	}
	return a.pause(func() error {
		if len(removed) == 0 {
			return a.streams.Lines("not logged in to " + where)
		}
		for _, r := range removed {
			if err := a.streams.Lines("removed from " + r); err != nil {
				return err
			}
		}
		return nil
	})
}
