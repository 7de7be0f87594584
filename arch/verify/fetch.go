package verify

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A content is a manifest, index or config as far as it could be read. raw is nil if it
// could not; then faults say why.
type content struct {
	d      v1.Descriptor
	raw    []byte
	doc    *manifest.Doc
	faults []Finding
}

// fetch reads the content of d, of at most maxBytes. Faults of the content are
// findings; an error is one of the place: it could not be asked.
func fetch(ctx context.Context, src place.Source, d v1.Descriptor, maxBytes int64) (*content, error) {
	c := &content{d: d}
	if d.Size > maxBytes {
		c.fault(errorf(KindInvalid, "%s is said to have %d bytes, more than the %d that it may", d.Digest, d.Size, maxBytes))
		return c, nil
	}
	raw, err := readUpTo(ctx, src, d, maxBytes)
	if f, ok := faultOf(d, err); ok {
		c.fault(f)
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	if err := c.check(raw, maxBytes); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *content) fault(f Finding) { c.faults = append(c.faults, f.of(c.d.Digest)) }

// check takes raw as the content unless its digest is another.
func (c *content) check(raw []byte, maxBytes int64) error {
	if int64(len(raw)) > maxBytes {
		c.fault(errorf(KindInvalid, "%s has more than the %d bytes that it may", c.d.Digest, maxBytes))
		return nil
	}
	h, err := v1.Hasher(c.d.Digest.Algorithm)
	if err != nil {
		c.fault(errorf(KindInvalid, "%s: %v", c.d.Digest, err))
		return nil
	}
	h.Write(raw) // never fails
	if got := hex.EncodeToString(h.Sum(nil)); got != c.d.Digest.Hex {
		found := c.d.Digest.Algorithm + ":" + got
		c.fault(errorf(KindDigest, "the content of %s has the digest %s", c.d.Digest, found).pair(found, c.d.Digest.String()))
		return nil
	}
	c.raw = raw
	if n := int64(len(raw)); n != c.d.Size {
		c.fault(errorf(KindSize, "%s has %d bytes, its descriptor says %d", c.d.Digest, n, c.d.Size).pair(fmt.Sprint(n), fmt.Sprint(c.d.Size)))
	}
	return nil
}

// readUpTo reads one byte more than allowed, so that too much shows.
func readUpTo(ctx context.Context, src place.Source, d v1.Descriptor, maxBytes int64) ([]byte, error) {
	rc, err := src.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	_, err = blob.Copy(ctx, &buf, io.LimitReader(rc, maxBytes+1))
	return buf.Bytes(), errors.Join(err, rc.Close())
}

// faultOf turns an error of a place into a finding if it is about the content of d.
func faultOf(d v1.Descriptor, err error) (Finding, bool) {
	switch {
	case err == nil:
	case errors.Is(err, place.ErrNotFound):
		return errorf(KindMissing, "%s is not there", d.Digest), true
	case errors.Is(err, blob.ErrMismatch):
		return errorf(KindDigest, "%v", err), true
	case errors.Is(err, place.ErrInvalid):
		return errorf(KindInvalid, "%v", err), true
	}
	return Finding{}, false
}

// fetchDoc reads the manifest or index d.
func fetchDoc(ctx context.Context, src place.Source, d v1.Descriptor) (*content, error) {
	c, err := fetch(ctx, src, d, manifest.MaxBytes)
	if err != nil || c.raw == nil {
		return c, err
	}
	// Another media type is a fault, but not the end: what is there shall be judged.
	doc, err := manifest.Parse(v1.Descriptor{Digest: d.Digest}, c.raw)
	if err != nil {
		c.fault(errorf(KindInvalid, "%v", err))
		return c, nil
	}
	c.doc = doc
	if found := doc.Descriptor.MediaType; d.MediaType != "" && found != d.MediaType {
		c.fault(errorf(KindMediaType, "%s is %s, its descriptor says %q", d.Digest, found, string(d.MediaType)).pair(string(found), string(d.MediaType)))
	}
	return c, nil
}

func fetchConfig(ctx context.Context, src place.Source, d v1.Descriptor) (*content, error) {
	return fetch(ctx, src, d, manifest.MaxConfigBytes)
}

// fetchAll reads ds with read, each digest once, several at once.
func (w *walk) fetchAll(ctx context.Context, ds []v1.Descriptor, read func(context.Context, place.Source, v1.Descriptor) (*content, error)) (map[v1.Hash]*content, error) {
	found := map[v1.Hash]*content{}
	var unique []v1.Descriptor
	for _, d := range ds {
		if _, ok := found[d.Digest]; ok {
			continue
		}
		found[d.Digest], unique = nil, append(unique, d)
		if w.bytes += d.Size; w.bytes > maxDocumentBytes {
			return nil, fmt.Errorf("reading manifests: more than %d bytes in one image: %w", maxDocumentBytes, place.ErrInvalid)
		}
	}
	results := make([]*content, len(unique))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentJobs)
	for i, d := range unique {
		g.Go(func() (err error) {
			results[i], err = read(gctx, w.src, d)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, d := range unique {
		found[d.Digest] = results[i]
	}
	return found, nil
}
