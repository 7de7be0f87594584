package far

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
)

// A Source is a far place for reading.
type Source struct {
	c    *Conn
	base string // of paths
}

// A ListedSource is a [Source] whose names can be listed.
type ListedSource struct{ *Source }

var (
	_ place.Source         = (*Source)(nil)
	_ place.Ranger         = (*Source)(nil)
	_ place.Referrer       = (*Source)(nil)
	_ place.ReferrerLister = (*Source)(nil)
	_ place.Lacker         = (*Source)(nil)
	_ place.Lister         = ListedSource{}
)

// Source opens the place that name means at the far end, and returns what in it was
// named. The caller closes it.
func (c *Conn) Source(ctx context.Context, name string) (src place.Source, resolve string, err error) {
	var a openAnswer
	if err := c.ask(ctx, "/open", openQuestion{Place: name}, &a); err != nil {
		return nil, "", err
	}
	s := &Source{c: c, base: "/" + a.ID}
	if a.Lists {
		return ListedSource{s}, a.Name, nil
	}
	return s, a.Name, nil
}

// Resolve asks the far place.
func (s *Source) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	var d v1.Descriptor
	err := s.c.ask(ctx, s.base+"/resolve", nameQuestion{name}, &d)
	if err == nil {
		err = s.c.checked(d)
	}
	return d, err
}

// checked refuses what is no descriptor.
func (c *Conn) checked(d v1.Descriptor) error {
	if err := manifest.CheckDescriptor(d); err != nil {
		return fmt.Errorf("%s: %w: %w", c.host, place.ErrInvalid, err)
	}
	return nil
}

// Open opens content there.
func (s *Source) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.OpenRange(ctx, d, 0, -1)
}

// OpenRange opens a part of content there.
func (s *Source) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := s.c.post(ctx, s.base+"/blob", blobQuestion{d, offset, length})
	if err != nil {
		cancel()
		return nil, err
	}
	return &content{ReadCloser: resp.Body, c: s.c, ctx: ctx, cancel: cancel}, nil
}

// content is an answer that is read; it keeps its context, as Read has none.
type content struct {
	io.ReadCloser
	c      *Conn
	ctx    context.Context
	cancel context.CancelFunc
}

func (r *content) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.c.broken(r.ctx, err)
	}
	return n, err
}

func (r *content) Close() error {
	r.cancel()
	return r.ReadCloser.Close()
}

// List visits the names there.
func (s ListedSource) List(ctx context.Context, visit func(place.Entry) error) error {
	return s.c.list(ctx, s.base+"/list", visit)
}

// ListReferrers visits what belongs to images there.
func (s *Source) ListReferrers(ctx context.Context, visit func(place.Entry) error) error {
	return s.c.list(ctx, s.base+"/list-referrers", visit)
}

func (c *Conn) list(ctx context.Context, path string, visit func(place.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.post(ctx, path, struct{}{})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	dec := json.NewDecoder(io.LimitReader(resp.Body, maxListBytes))
	for {
		var l listLine
		if err := dec.Decode(&l); err != nil {
			return c.broken(ctx, fmt.Errorf("the list broke off: %w", noEnd(err)))
		}
		switch {
		case l.Failed != nil:
			return l.Failed.err(c.host)
		case l.Done:
			return nil
		}
		e := place.Entry{Name: l.Name}
		if l.Root != nil {
			e.Root = *l.Root
		}
		if err := c.checked(e.Root); err != nil && (l.Root != nil || e.Name == "") { // engines know names alone
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
	}
}

// noEnd returns err so that it cannot pass for the good end of something.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Referrers asks the far place; one that knows of none has none.
func (s *Source) Referrers(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
	var a blobsDoc
	err := s.c.ask(ctx, s.base+"/referrers", blobQuestion{Blob: d}, &a)
	return a.Blobs, err
}

// Lacks asks the far place; one that is no [place.Lacker] lacks nothing.
func (s *Source) Lacks(ctx context.Context, blobs []v1.Descriptor) ([]v1.Descriptor, error) {
	var a blobsDoc
	err := s.c.ask(ctx, s.base+"/lacks", blobsDoc{blobs}, &a)
	return a.Blobs, err
}

// Close closes the far place.
func (s *Source) Close() error { return s.c.closePlace(s.base) }

func (c *Conn) closePlace(base string) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return c.ask(ctx, base+"/close", struct{}{}, new(struct{}))
}
