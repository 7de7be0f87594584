package open

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/far"
	"github.com/dray-oci/dray/pkg/place/wrap"
	"github.com/dray-oci/dray/pkg/ref"
)

// hosts are the connections to other hosts: one for each, for as long as a place
// there is open.
type hosts struct {
	mu  sync.Mutex
	all map[string]*farHost
}

// A farHost is one connection and how many places use it.
type farHost struct {
	conn  *far.Conn
	users int
}

// reach returns the connection to a host, and what gives it back.
func (d *Doors) reach(ctx context.Context, r ref.Ref) (*far.Conn, func() error, error) {
	if d.o.Offline {
		return nil, nil, fmt.Errorf("reaching %s: %w", r.Host, ErrOffline)
	}
	d.hosts.mu.Lock()
	defer d.hosts.mu.Unlock()
	h := d.hosts.all[r.Host]
	if h == nil {
		o := d.o.SSH
		o.Events = d.o.Events
		conn, err := far.Dial(ctx, r.Host, o)
		if err != nil {
			return nil, nil, err
		}
		h = &farHost{conn: conn}
		if d.hosts.all == nil {
			d.hosts.all = map[string]*farHost{}
		}
		d.hosts.all[r.Host] = h
	}
	h.users++
	return h.conn, sync.OnceValue(func() error { return d.hosts.leave(r.Host, h) }), nil
}

func (hs *hosts) leave(host string, h *farHost) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h.users--; h.users > 0 {
		return nil
	}
	delete(hs.all, host)
	return h.conn.Close()
}

// farSource opens a place on another host. Content that the store has is not
// asked for.
func (d *Doors) farSource(ctx context.Context, r ref.Ref) (place.Source, string, error) {
	conn, leave, err := d.reach(ctx, r)
	if err != nil {
		return nil, "", err
	}
	src, name, err := conn.Source(ctx, r.There().String())
	if err != nil {
		return nil, "", errors.Join(err, leave())
	}
	src = &leaving{src, leave}
	if !d.hasStore() {
		return src, name, nil
	}
	s, err := d.near.use(d.Store)
	if err != nil {
		return nil, "", errors.Join(err, src.Close())
	}
	return wrap.Cache(src, s), name, nil
}

// leaving is a source that gives its connection back.
type leaving struct {
	place.Source
	leave func() error
}

func (s *leaving) Unwrap() place.Source { return s.Source }
func (s *leaving) Close() error         { return errors.Join(s.Source.Close(), s.leave()) }

func (d *Doors) farSink(ctx context.Context, r ref.Ref) (place.Sink, error) {
	conn, leave, err := d.reach(ctx, r)
	if err != nil {
		return nil, err
	}
	there, form := r.There(), d.o.Form
	isFile := there.Kind == ref.Path || there.Kind == ref.OCIArchive || there.Kind == ref.DockerArchive
	if d.update != nil && isFile {
		form = archive.OCI
	}
	sink, err := conn.Sink(ctx, there.String(), string(form))
	if err != nil {
		return nil, errors.Join(err, leave())
	}
	if sink = (&leavingSink{sink, leave}); isFile {
		return d.newUpdate(sink, nil)
	}
	return sink, nil
}

// leavingSink is a sink that gives its connection back.
type leavingSink struct {
	place.Sink
	leave func() error
}

func (s *leavingSink) Unwrap() place.Sink { return s.Sink }
func (s *leavingSink) Close() error       { return errors.Join(s.Sink.Close(), s.leave()) }
