// Package cstorage reaches the image store that Podman, Buildah and CRI-O share
// (containers-storage), root's or the user's own, through the installed podman.
// Package engine makes a place of it.
//
// Podman keeps the manifest of an image byte for byte, but its layers unpacked. So
// an image whose layers are not compressed, such as one that podman built, comes
// out as it is. What was compressed comes out plain, and under another digest;
// its config, and with it podman's image ID, stays.
package cstorage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// Options say which podman to run. The zero value means the one in PATH.
type Options struct {
	// Command is podman with the flags that come before its commands, such as
	// --root; nil means "podman". No flag may hold a secret: others can see it.
	Command []string
}

// An Engine is an installed podman. It is safe for concurrent use; podman itself
// sees to its store.
type Engine struct{ command []string }

// New looks for podman. The error wraps place.ErrUnavailable if there is none.
func New(o Options) (*Engine, error) {
	command := o.Command
	if len(command) == 0 {
		command = []string{"podman"}
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, &adviceError{
			fmt.Errorf("looking for podman, which holds containers-storage: %w: %w", place.ErrUnavailable, err),
			"install it (apt install podman, dnf install podman), or keep the image without an engine: store:NAME",
		}
	}
	return &Engine{command}, nil
}

// Traits: single images, manifests kept.
func (e *Engine) Traits() place.Traits {
	return place.Traits{Kind: "containers-storage", NoIndex: true}
}

// OneImage is true: podman reads an archive as an OCI layout only if there is
// one image in it, and else as docker's, without the manifests.
func (e *Engine) OneImage() bool { return true }

// An image is what podman says of one.
type image struct {
	ID          string `json:"Id"` // digest of the config, without "sha256:"
	Digest      string
	RepoDigests []string
	Names       []string // of podman images only
}

// has reports whether i is root with all that it names.
func (i image) has(root v1.Descriptor, config v1.Hash) bool {
	digest := root.Digest.String()
	return i.ID == config.Hex && (i.Digest == digest ||
		slices.ContainsFunc(i.RepoDigests, func(r string) bool { return strings.HasSuffix(r, "@"+digest) }))
}

// Has reports whether podman holds the image, with this very manifest.
func (e *Engine) Has(ctx context.Context, root v1.Descriptor, config v1.Hash) (bool, error) {
	i, err := e.inspect(ctx, config.Hex)
	if errors.Is(err, place.ErrNotFound) {
		return false, nil
	}
	return err == nil && i.has(root, config), err
}

// Load has podman load the archive r. It closes r.
func (e *Engine) Load(ctx context.Context, r io.ReadCloser) error {
	return e.run(ctx, r, nil, "load", "--quiet")
}

// Tag makes name stand for an image that was loaded, and looks whether it does.
func (e *Engine) Tag(ctx context.Context, root v1.Descriptor, config v1.Hash, name string) error {
	if err := e.run(ctx, nil, nil, "tag", "--", config.Hex, name); err != nil {
		return err
	}
	i, err := e.inspect(ctx, name)
	if err == nil && !i.has(root, config) {
		err = fmt.Errorf("it stands for %.100q, not for %s", i.Digest, root.Digest)
	}
	return err
}

// Digest returns the digest that podman shows for name.
func (e *Engine) Digest(ctx context.Context, name string) (v1.Hash, error) {
	i, err := e.inspect(ctx, name)
	if err != nil {
		return v1.Hash{}, err
	}
	return v1.NewHash(i.Digest)
}

// List visits the names of all images.
func (e *Engine) List(ctx context.Context, visit func(place.Entry) error) error {
	var all []image
	if err := e.runJSON(ctx, &all, "images", "--format", "json"); err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	for _, i := range all {
		for _, name := range i.Names {
			if err := visit(place.Entry{Name: name}); err != nil {
				return err
			}
		}
	}
	return nil
}

// inspect returns place.ErrNotFound if there is no such name or ID.
func (e *Engine) inspect(ctx context.Context, name string) (image, error) {
	err := e.run(ctx, nil, nil, "image", "exists", "--", name)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return image{}, &adviceError{
			fmt.Errorf("%.300q: %w", name, place.ErrNotFound),
			"podman images shows what is there; what podman built is called localhost/NAME",
		}
	}
	if err != nil {
		return image{}, err
	}
	var all []image
	if err := e.runJSON(ctx, &all, "image", "inspect", "--", name); err != nil {
		return image{}, err
	}
	if len(all) != 1 {
		return image{}, fmt.Errorf("podman tells of %d images called %.300q: %w", len(all), name, place.ErrInvalid)
	}
	return all[0], nil
}

func (e *Engine) runJSON(ctx context.Context, into any, args ...string) error {
	var out atMost
	if err := e.run(ctx, nil, &out, args...); err != nil {
		return err
	}
	if err := json.Unmarshal(out.b, into); err != nil {
		return fmt.Errorf("reading what podman %s says: %w: %w", args[0], place.ErrInvalid, err)
	}
	return nil
}

// adviceError is an error with a next step.
type adviceError struct {
	error
	hint string
}

func (e *adviceError) Unwrap() error { return e.error }

// Hint is the next step.
func (e *adviceError) Hint() string { return e.hint }
