package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

func newCatalog(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog HOST",
		Short: "List the repositories of a registry",
		Long: `List the repositories of a registry, all pages of them. Many public registries, Docker Hub
among them, do not tell.`,
		Example: `  dray catalog registry.local:5000
  dray catalog --format json registry.local:5000
  dray catalog localhost:5000 | while read r; do dray tags localhost:5000/$r; done`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.catalog(cmd.Context(), args[0]) },
	}
	fs := cmd.Flags()
	a.outputFlags(fs, "print only names", catalogued{})
	a.networkFlags(fs)
	fs.Lookup("offline").Usage = "touch no network, and so fail"
	return cmd
}

// catalogued is what catalog prints as JSON.
type catalogued struct {
	Registry     string   `json:"registry"`
	Repositories []string `json:"repositories"`
}

func (a *app) catalog(ctx context.Context, arg string) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	host, err := ref.ParseHost(strings.TrimSuffix(strings.TrimPrefix(arg, "docker://"), "/"))
	if err != nil {
		return err
	}
	if a.o.offline {
		return fmt.Errorf("listing the repositories of %s: %w", host, open.ErrOffline)
	}
	a.o.progress, a.hosts = "none", []string{host}
	client, err := a.registry()
	if err != nil {
		return err
	}
	each := func(visit func(string) error) error { return client.Catalog(ctx, host, visit) }
	if f.IsText() {
		return a.stream(each)
	}
	repositories, err := collect(each)
	if err != nil {
		return err
	}
	return a.streams.Print(f, catalogued{host, repositories}, nil)
}
