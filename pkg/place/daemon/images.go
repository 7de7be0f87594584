package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/ref"
)

// summary is what the engine says of an image.
type summary struct {
	ID          string `json:"Id"`
	RepoTags    []string
	RepoDigests []string
}

func (e *Engine) inspect(ctx context.Context, name string) (summary, error) {
	var s summary
	err := e.getJSON(ctx, "/images/"+name+"/json", nil, &s)
	return s, err
}

// Has reports whether the classic store has the image: its ID is the digest of
// the config, which names all layers. Containerd's store may have a manifest
// without what it names, and nothing says so: there it is always false.
func (e *Engine) Has(ctx context.Context, root v1.Descriptor, config v1.Hash) (bool, error) {
	if e.keepsManifests {
		return false, nil
	}
	s, err := e.inspect(ctx, e.id(root, config))
	if errors.Is(err, place.ErrNotFound) {
		return false, nil
	}
	return err == nil && s.ID == config.String(), err
}

// Tag makes name stand for an image that was loaded, and looks whether it does.
func (e *Engine) Tag(ctx context.Context, root v1.Descriptor, config v1.Hash, name string) error {
	n, err := ref.ParseName(name)
	if err != nil {
		return err
	}
	if n.Tag == "" || n.Digest != "" {
		return fmt.Errorf("docker names images by tags only: %w", place.ErrUnsupported)
	}
	id := e.id(root, config)
	query := map[string]string{"repo": n.Base().String(), "tag": n.Tag}
	resp, err := e.do(ctx, http.MethodPost, "/images/"+id+"/tag", query, nil)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if e.keepsManifests {
		// The answer came from the store; inspect would look for this host's platform.
		return nil
	}
	s, err := e.inspect(ctx, name)
	if err == nil && s.ID != id {
		err = fmt.Errorf("it stands for %.100q, not for %s", s.ID, id)
	}
	return err
}

// Save writes the image that stands under name to w, in whatever form the engine
// has: docker save's old one, or an OCI layout from containerd's store.
func (e *Engine) Save(ctx context.Context, w io.Writer, name string) error {
	resp, err := e.do(ctx, http.MethodGet, "/images/get", map[string]string{"names": name}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = blob.Copy(ctx, w, resp.Body)
	return err
}

// Digest returns the digest that name was pulled with; zero if the engine knows
// none, or keeps manifests so that none changes.
func (e *Engine) Digest(ctx context.Context, name string) (v1.Hash, error) {
	if e.keepsManifests {
		return v1.Hash{}, nil
	}
	s, err := e.inspect(ctx, name)
	if err != nil {
		return v1.Hash{}, err
	}
	n, err := ref.ParseName(name)
	if err != nil {
		return v1.Hash{}, err
	}
	for _, r := range s.RepoDigests {
		d, err := ref.ParseName(r)
		if err == nil && d.Base() == n.Base() && d.Digest != "" {
			return v1.NewHash(d.Digest.String())
		}
	}
	return v1.Hash{}, nil
}

// List visits the names of all images, in full.
func (e *Engine) List(ctx context.Context, visit func(place.Entry) error) error {
	var all []summary
	if err := e.getJSON(ctx, "/images/json", nil, &all); err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	for _, s := range all {
		for _, tag := range s.RepoTags {
			n, err := ref.ParseName(tag)
			if err != nil || strings.HasPrefix(tag, "<none>") {
				continue // an image without a name
			}
			if err := visit(place.Entry{Name: n.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}
