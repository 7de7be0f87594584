package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/place/store"
)

func newCheck(a *app) *cobra.Command {
	var repair bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read everything in the store and say what is damaged or missing",
		Example: `  dray check
  dray check --repair && dray pull alpine:3.20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(func(s *store.Store) error { return a.check(cmd.Context(), s, repair) })
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&repair, "repair", false, "remove what is damaged, so that the next pull or load brings it back")
	a.formatFlag(fs, store.Fault{})
	a.storeFlags(fs)
	a.progressFlag(fs)
	return cmd
}

func (a *app) check(ctx context.Context, s *store.Store, repair bool) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	faults, err := s.Check(ctx, repair)
	if err != nil {
		return err
	}
	err = a.pause(func() error {
		return ui.PrintList(a.streams, f, faults, func(w io.Writer) error { return writeFaults(w, faults) })
	})
	if err != nil || len(faults) == 0 {
		return err
	}
	return &verifyError{&faultsError{n: len(faults), repaired: repair}}
}

func writeFaults(w io.Writer, faults []store.Fault) error {
	if len(faults) == 0 {
		_, err := fmt.Fprintln(w, "everything in the store is whole")
		return err
	}
	rows := make([][]string, 0, len(faults))
	for _, f := range faults {
		rows = append(rows, []string{f.Digest.String(), strings.Join(f.Names, ", "), f.Text})
	}
	return ui.Table(w, []string{"DIGEST", "NAMES", "FAULT"}, rows)
}

// A faultsError says that the store is damaged.
type faultsError struct {
	n        int
	repaired bool
}

func (e *faultsError) Error() string {
	return fmt.Sprintf("checking store: %d damaged or missing", e.n)
}

// Hint names the repair.
func (e *faultsError) Hint() string {
	if e.repaired {
		return "what was damaged is removed: pull or load the names above again"
	}
	return "dray check --repair removes what is damaged; then pull or load the names above again"
}
