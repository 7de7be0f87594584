package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// fetch is what no tool that verifies can do without: it gets every blob of the
// images once, four at a time, hashes it, and does nothing with it.
func fetch(ctx context.Context, images []string) error {
	f := fetcher{seen: map[string]bool{}}
	f.g, f.ctx = errgroup.WithContext(ctx)
	f.g.SetLimit(4)
	for _, image := range images {
		host, rest, _ := strings.Cut(image, "/")
		repository, tag, _ := strings.Cut(rest, ":")
		if err := f.manifest("http://"+host+"/v2/"+repository, tag); err != nil {
			return errors.Join(err, f.g.Wait())
		}
	}
	return f.g.Wait()
}

type fetcher struct {
	ctx  context.Context
	g    *errgroup.Group
	seen map[string]bool
}

// manifest gets a manifest or index, and has everything below it fetched.
func (f *fetcher) manifest(base, id string) error {
	body, err := f.get(base + "/manifests/" + id)
	if err != nil {
		return err
	}
	var m struct {
		Config            *v1.Descriptor
		Layers, Manifests []v1.Descriptor
	}
	if err := errors.Join(json.NewDecoder(body).Decode(&m), body.Close()); err != nil {
		return err
	}
	for _, d := range m.Manifests {
		if err := f.manifest(base, d.Digest.String()); err != nil {
			return err
		}
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, d := range m.Layers {
		if digest := d.Digest.String(); !f.seen[digest] {
			f.seen[digest] = true
			f.g.Go(func() error { return f.blob(base, d) })
		}
	}
	return nil
}

func (f *fetcher) blob(base string, d v1.Descriptor) error {
	body, err := f.get(base + "/blobs/" + d.Digest.String())
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.CopyBuffer(struct{ io.Writer }{h}, body, make([]byte, 256<<10))
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != d.Digest.Hex {
		return fmt.Errorf("%s is %s", d.Digest, got)
	}
	return nil
}

func (f *fetcher) get(url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(f.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", strings.Join([]string{string(types.OCIImageIndex), string(types.OCIManifestSchema1)}, ", "))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", url, resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}
