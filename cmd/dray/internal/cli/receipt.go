package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/pkg/bundle"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

// receiptFlag is for commands that bring images to where they stay.
func (a *app) receiptFlag(fs *pflag.FlagSet) {
	fs.StringVar(&a.receipt.file, "receipt", "", "write an inventory of what has arrived to `file`, for dray save --have")
}

// A receipt says what has arrived in one run.
type receipt struct {
	file   string // empty: none is wanted
	survey bundle.Survey
}

// check refuses a place that nothing could be built on later.
func (rc *receipt) check(to ref.Ref, dst *open.Sink) error {
	if rc.file == "" || to.There().Kind != ref.DockerDaemon && to.There().Kind != ref.ContainersStorage && !dst.Traits().Rewrites {
		return nil
	}
	return &usageError{&hintedError{
		fmt.Errorf("--receipt: %s does not keep content as it is, so no update could build on it", dst.Traits().Kind),
		"bring it to the store, a layout or a registry, and from there to the engine",
	}}
}

// arrived adds what was brought to where it stays.
func (rc *receipt) arrived(ctx context.Context, parcels []parcel) error {
	if rc.file == "" {
		return nil
	}
	for _, p := range parcels {
		if p.err != nil {
			continue
		}
		to := p.end.sink
		got := bundle.Arrived{Root: p.res.Root, Raw: p.res.Raw, Blobs: p.res.Blobs, Names: p.res.Names, Referrers: p.res.Referrers}
		if to.Ref.There().Kind == ref.Registry {
			got.Names = []string{to.Ref.Name.Tagged()}
		}
		if err := rc.survey.AddArrived(ctx, to, p.req.Source, got); err != nil {
			return err
		}
	}
	return nil
}

// withReceipt runs a command, and then writes the receipt of what it brought.
func (a *app) withReceipt(run func() error) error {
	err := run()
	if a.planning {
		return err
	}
	inv := a.receipt.survey.Inventory()
	if a.receipt.file == "" || err != nil && len(inv.Images) == 0 {
		return err
	}
	return errors.Join(err, a.writeInventory(inv, a.receipt.file))
}

// writeInventory writes inv to file, which appears when it is whole, and says what is in it.
func (a *app) writeInventory(inv *bundle.Inventory, file string) error {
	raw, err := inv.Marshal()
	if err != nil {
		return err
	}
	err = wholeFile(file, func(tmp string) error { return os.WriteFile(tmp, raw, 0o644) })
	if err != nil {
		return fmt.Errorf("writing inventory: %w", err)
	}
	return nil
}
