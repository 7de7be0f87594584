package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// pushAll pushes every image of one source under each of its own names.
func (a *app) pushAll(ctx context.Context, from ref.Ref, flags pushFlags) (err error) {
	target, err := newTarget(flags)
	if err != nil {
		return err
	}
	a.hosts, a.moving = []string{target.host}, true
	o, err := a.transferOptions()
	if err != nil {
		return err
	}
	doors, err := a.open()
	if err != nil {
		return err
	}
	src, err := doors.Source(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	names, roots, err := target.apply(ctx, src)
	if err != nil {
		return err
	}
	var all []moved
	err = a.eachName(ctx, names, func(name string) error {
		m, err := a.pushImage(ctx, doors, transfer.Request{Source: src, Root: roots[name]}, name, o)
		all = append(all, m...)
		return err
	})
	if len(all) > 0 {
		err = errors.Join(err, a.printMoved(all))
	}
	return err
}

func (a *app) pushImage(ctx context.Context, doors *open.Doors, req transfer.Request, name string, o transfer.Options) ([]moved, error) {
	to, err := ref.Parse("docker://" + name)
	if err != nil {
		return nil, err
	}
	dst, err := doors.Sink(ctx, to)
	if err != nil {
		return nil, err
	}
	req.Name, req.Names = name, dst.Names(nil)
	reqs := []transfer.Request{req}
	results, err := transfer.Copy(ctx, dst, reqs, o)
	if !isFatal(err) {
		err = errors.Join(err, a.receipt.arrived(ctx, to, dst, reqs, results))
	}
	if err = errors.Join(err, dst.Close()); isFatal(err) {
		return nil, fmt.Errorf("pushing to %s: %w", name, err)
	}
	return movedOf(to, results), err
}

// A pushTarget is what --to and --map say.
type pushTarget struct {
	host, prefix string
	rename       func(string) (string, error)
}

func newTarget(flags pushFlags) (*pushTarget, error) {
	to := strings.TrimPrefix(strings.TrimPrefix(flags.to, "https://"), "http://")
	host, prefix, _ := strings.Cut(strings.TrimSuffix(to, "/"), "/")
	host, err := ref.ParseHost(host)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		if _, err := ref.ParseRepository(host + "/" + prefix); err != nil {
			return nil, err
		}
		prefix += "/"
	}
	rename, err := renamer(flags.maps)
	return &pushTarget{host: host, prefix: prefix, rename: rename}, err
}

// apply returns the full names that the images of src get at the registry, in
// order, and what goes under each. Two images under one name are an error, and so
// is an image without a name.
func (t *pushTarget) apply(ctx context.Context, src *open.Source) ([]string, map[string]v1.Descriptor, error) {
	images, err := src.Images(ctx)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	roots := map[string]v1.Descriptor{}
	for _, img := range images {
		if len(img.Names) == 0 {
			return nil, nil, fmt.Errorf("%s has no name in %s: push it alone, with a name to go to", img.Root.Digest, src.Ref)
		}
		for _, old := range img.Names {
			name, err := t.name(old)
			if err != nil {
				return nil, nil, err
			}
			if other, ok := roots[name]; ok && other.Digest != img.Root.Digest {
				return nil, nil, &transfer.NameError{Name: name, A: other.Digest, B: img.Root.Digest}
			} else if !ok {
				names = append(names, name)
			}
			roots[name] = img.Root
		}
	}
	return names, roots, nil
}

// name is what an image called old is called at the registry.
func (t *pushTarget) name(old string) (string, error) {
	n, err := ref.ParseName(old)
	if err != nil || !strings.ContainsRune(old, '/') {
		return "", &usageError{&hintedError{fmt.Errorf("%q is a tag without a repository", old), "push it alone, with a name to go to"}}
	}
	renamed := n.String()
	if t.rename != nil {
		if renamed, err = t.rename(renamed); err != nil {
			return "", err
		}
	}
	if n, err = ref.ParseName(renamed); err != nil {
		return "", err
	}
	n.Host, n.Repository = t.host, t.prefix+n.Repository
	if n.Tag != "" {
		n.Digest = "" // platforms may be chosen, and then the digest is another
	}
	n, err = ref.ParseName(n.String())
	return n.String(), err
}
