package cli

import (
	"context"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/layers"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
)

// scratch is the image of nothing, as in a Dockerfile. No registry has one of that
// name: the Hub keeps it reserved.
const scratch = "scratch"

// fromScratch has an image made of nothing, for the platforms of --platform, or else
// those that layers and files are for.
func (a *app) fromScratch(ctx context.Context, o layers.AppendOptions, flags editFlags, make maker) error {
	if flags.to == "" {
		return &usageError{errors.New("say where the result goes: -t NAME")}
	}
	refs, err := a.refs(flags.to)
	if err != nil {
		return err
	}
	if err := a.refuseTerminal(refs[0]); err != nil {
		return err
	}
	platforms, err := a.scratchPlatforms(o)
	if err != nil {
		return err
	}
	src, root, err := layers.Scratch(platforms)
	if err != nil {
		return err
	}
	made := func(b *layers.Bench, img open.Image, src *open.Source, o layers.EditOptions) (*layers.Result, error) {
		res, err := make(b, img, src, o)
		if err == nil { // what it was made from is nothing that anybody has
			res.Origin = res.Root
			for i := range res.Changes {
				res.Changes[i].Old = v1.Hash{}
			}
		}
		return res, err
	}
	from := ref.Ref{Kind: ref.Path, Path: scratch}
	return a.bench(from, open.Image{Root: root}, &open.Source{Source: src, Ref: from}, flags, made, a.deliverer(ctx, flags, refs[0]))
}

func (a *app) scratchPlatforms(o layers.AppendOptions) ([]arch.Platform, error) {
	sel, err := a.selection()
	if err != nil {
		return nil, err
	}
	all := sel.Platforms
	if sel.Local {
		all = append(all, arch.Host().Target())
	}
	if sel.IsZero() {
		for _, f := range o.Layers {
			if f.Platform != nil {
				all = append(all, f.Platform.Normalize())
			}
		}
		for _, add := range o.Add {
			if add.Platform != nil {
				all = append(all, add.Platform.Normalize())
			}
		}
	}
	var distinct []arch.Platform
	for _, p := range all {
		if !slices.ContainsFunc(distinct, func(q arch.Platform) bool { return q.String() == p.String() }) {
			distinct = append(distinct, p)
		}
	}
	if len(distinct) == 0 {
		return nil, &usageError{errors.New("scratch is for no platform: say for which with --platform, --layer PLATFORM=FILE or --add PLATFORM=SRC:DST")}
	}
	return distinct, nil
}
