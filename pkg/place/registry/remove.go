package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// Remove removes a tag, or by digest a manifest with every tag it has. Many
// registries allow only the one or the other, or neither: place.ErrUnsupported.
func (r *Repo) Remove(ctx context.Context, name string) error {
	id, err := r.identify(ctx, name)
	if err != nil {
		return err
	}
	_, m, err := r.remotes(ctx)
	if err != nil {
		return err
	}
	req := m.read(http.MethodDelete, "manifests", id)
	req.Scopes = []string{auth.Delete(m.repository)}
	resp, err := m.Do(ctx, req)
	var e *wire.Error
	if errors.As(err, &e) && (errors.Is(err, place.ErrUnsupported) || e.Status == http.StatusBadRequest) {
		err = &notRemovable{answer: e, isDigest: strings.Contains(id, ":")}
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", r.label(id), err)
	}
	r.docs.clear()
	return resp.Body.Close()
}

// notRemovable says that the registry does not remove this.
type notRemovable struct {
	answer   *wire.Error
	isDigest bool
}

func (e *notRemovable) Error() string {
	by := "tag"
	if e.isDigest {
		by = "digest"
	}
	return fmt.Sprintf("the registry answers %d: removing by %s is %v", e.answer.Status, by, place.ErrUnsupported)
}

func (e *notRemovable) Unwrap() error { return place.ErrUnsupported }

// Hint says what else may do.
func (e *notRemovable) Hint() string {
	if e.isDigest {
		return "the registry may have to be started with deletion enabled"
	}
	return "name it by its digest: with it go all tags of the same image"
}
