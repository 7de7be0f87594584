package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
	"github.com/dray-oci/dray/pkg/ref"
)

// digestHeader is where registries say what they serve (distribution-spec: Pulling manifests).
const digestHeader = "Docker-Content-Digest"

// Resolve returns the descriptor that name stands for: a tag, a digest, or for
// the empty name what the repository was opened with. It costs one HEAD request,
// which registries do not count as a pull. Only where the answer leaves
// something out is the manifest itself read.
func (r *Repo) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	id, err := r.identify(ctx, name)
	if err != nil {
		return v1.Descriptor{}, err
	}
	var d v1.Descriptor
	err = r.first(ctx, func(m *remote, last bool) error {
		var err error
		d, err = r.resolve(ctx, m, id, !last)
		return err
	})
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading manifest %s: %w", r.label(id), err)
	}
	return d, nil
}

// identify returns the tag or the digest that name stands for.
func (r *Repo) identify(ctx context.Context, name string) (string, error) {
	if name == "" {
		name = r.name.Identifier()
	}
	if name == "" {
		return r.only(ctx)
	}
	base := r.name.Base().String()
	if _, digest, ok := strings.Cut(name, "@"); ok {
		name = digest
	}
	sep := ":"
	if strings.Contains(name, ":") {
		sep = "@"
	}
	n, err := ref.ParseName(base + sep + name)
	if err != nil {
		return "", err
	}
	return n.Identifier(), nil
}

// only returns the tag of a repository that has one.
func (r *Repo) only(ctx context.Context) (string, error) {
	const enough = 1000
	var tags []string
	stop := errors.New("enough")
	err := r.List(ctx, func(e place.Entry) error {
		if tags = append(tags, e.Name); len(tags) == enough {
			return stop
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, stop):
		return "", err
	case len(tags) == 0:
		return "", fmt.Errorf("%s has no tags: %w", r.name, place.ErrNotFound)
	case len(tags) > 1:
		return "", &place.ChoiceError{Choices: tags}
	}
	return tags[0], nil
}

func (r *Repo) resolve(ctx context.Context, m *remote, id string, once bool) (v1.Descriptor, error) {
	req := m.read(http.MethodHead, "manifests", id)
	req.Header.Set("Accept", accept())
	req.Once = once
	resp, err := m.Do(ctx, req)
	if err != nil {
		if refusesHead(err) {
			return r.readManifest(ctx, m, id, once)
		}
		return v1.Descriptor{}, err
	}
	if err := resp.Body.Close(); err != nil {
		return v1.Descriptor{}, err
	}
	d, ok := described(resp)
	if !ok {
		return r.readManifest(ctx, m, id, once)
	}
	return d, matches(id, d)
}

// refusesHead: some proxies do not let HEAD pass.
func refusesHead(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || errors.Is(e, place.ErrUnsupported))
}

// described returns the descriptor that the headers of an answer make, if they do.
func described(resp *http.Response) (v1.Descriptor, bool) {
	digest, err := v1.NewHash(resp.Header.Get(digestHeader))
	d := v1.Descriptor{MediaType: mediaType(resp), Digest: digest, Size: resp.ContentLength}
	return d, err == nil && manifest.Is(d.MediaType) && d.Size > 0 && d.Size <= manifest.MaxBytes
}

func mediaType(resp *http.Response) types.MediaType {
	mt, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return types.MediaType(mt)
}

// matches holds d against the digest that was asked for.
func matches(id string, d v1.Descriptor) error {
	if strings.Contains(id, ":") && d.Digest.String() != id {
		return fmt.Errorf("the registry says it is %s: %w", d.Digest, blob.ErrMismatch)
	}
	return nil
}

// readManifest reads a manifest to find out what it is, and keeps it.
func (r *Repo) readManifest(ctx context.Context, m *remote, id string, once bool) (v1.Descriptor, error) {
	req := m.read(http.MethodGet, "manifests", id)
	req.Header.Set("Accept", accept())
	req.Once, req.Content = once, true
	resp, err := m.Do(ctx, req)
	if err != nil {
		return v1.Descriptor{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, manifest.MaxBytes+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return v1.Descriptor{}, err
	}
	d, err := describe(resp, raw)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := matches(id, d); err != nil {
		return v1.Descriptor{}, err
	}
	r.docs.keep(doc{d: d, raw: raw})
	return d, nil
}

// describe returns the descriptor of a manifest that was read, and holds it
// against what the answer said it is.
func describe(resp *http.Response, raw []byte) (v1.Descriptor, error) {
	if len(raw) > manifest.MaxBytes {
		return v1.Descriptor{}, fmt.Errorf("more than %d bytes: %w", manifest.MaxBytes, place.ErrInvalid)
	}
	mt, err := manifest.MediaType(raw)
	switch said := mediaType(resp); {
	case errors.Is(err, manifest.ErrSchema1):
		return v1.Descriptor{}, fmt.Errorf("%w: %w", err, place.ErrUnsupported)
	case err != nil:
		return v1.Descriptor{}, fmt.Errorf("%w: %w", err, place.ErrInvalid)
	case manifest.Is(said) && said != mt:
		return v1.Descriptor{}, fmt.Errorf("it is %s, the registry says %s: %w", mt, said, place.ErrInvalid)
	}
	d := manifest.Describe(mt, raw)
	said, err := v1.NewHash(resp.Header.Get(digestHeader))
	if err != nil || said == d.Digest {
		return d, nil
	}
	// It may be named by another algorithm; then that is what it is called.
	d.Digest = said
	v, err := blob.NewVerifier(d)
	if err == nil {
		_, err = v.Write(raw)
	}
	if err == nil {
		err = v.Check()
	}
	return d, err
}
