package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// itself opens r so that what is read was read there: the content of a registry or
// another host is not taken from the store, for what is lost there would not show.
func (a *app) itself(ctx context.Context, r ref.Ref) (*open.Source, error) {
	if r.Kind != ref.Registry && r.Kind != ref.SSH || a.o.offline {
		doors, err := a.open()
		if err != nil {
			return nil, err
		}
		return doors.Source(ctx, r)
	}
	o, err := a.doorOptions()
	if err != nil {
		return nil, err
	}
	o.Store = ""
	return open.New(o).Source(ctx, r)
}

// near is the store, which may hold copies of what r names; nil if r is no registry's, or
// there is no store yet. The caller closes it.
func (a *app) near(r ref.Ref) (place.Source, error) {
	home, err := a.home()
	if err != nil || r.Kind != ref.Registry || a.o.offline {
		return nil, nil // without a home there are no copies
	}
	if _, err := os.Stat(filepath.Join(home, "store")); err != nil {
		return nil, nil
	}
	return a.store()
}
