package far

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// closeTimeout is how long the far end may take to close a place: an archive may
// have to be synced to a slow disk.
const closeTimeout = 10 * time.Minute

// A Sink is a far place for writing.
type Sink struct {
	c      *Conn
	base   string // of paths
	traits place.Traits
	host   arch.Platform
}

// A PlannedSink is a [Sink] that wants to know everything before.
type PlannedSink struct{ *Sink }

// An OpenSink is a [Sink] whose names can be listed, resolved and removed.
type OpenSink struct{ *Sink }

var (
	_ place.Sink       = (*Sink)(nil)
	_ place.Planner    = PlannedSink{}
	_ place.Forecaster = PlannedSink{}
	_ place.Lister     = OpenSink{}
	_ place.Remover    = OpenSink{}
)

// Sink opens the place that name means at the far end for writing; form is that of
// an archive, empty for the usual one. The caller closes it.
func (c *Conn) Sink(ctx context.Context, name, form string) (place.Sink, error) {
	var a openAnswer
	if err := c.ask(ctx, "/open", openQuestion{Place: name, Write: true, Form: form}, &a); err != nil {
		return nil, err
	}
	s := &Sink{c: c, base: "/" + a.ID, traits: a.Traits}
	s.host, _ = arch.Parse(a.Host) // what is no platform is not known
	switch {
	case a.Plans:
		return PlannedSink{s}, nil
	case a.Lists:
		return OpenSink{s}, nil
	}
	return s, nil
}

// Traits are those of the far place.
func (s *Sink) Traits() place.Traits { return s.traits }

// Host is the platform of the far host; zero if it did not tell.
func (s *Sink) Host() arch.Platform { return s.host }

// Has asks the far place.
func (s *Sink) Has(ctx context.Context, d v1.Descriptor) (bool, error) {
	var a hasAnswer
	err := s.c.ask(ctx, s.base+"/has", blobQuestion{Blob: d}, &a)
	return a.Has, err
}

// Plan tells the far place, and returns what it wants.
func (s PlannedSink) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	var a blobsDoc
	err := s.c.ask(ctx, s.base+"/plan", questionOf(p), &a)
	return a.Blobs, err
}

// Forecast says what the far end would do with p.
func (s PlannedSink) Forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	var f place.Forecast
	err := s.c.ask(ctx, s.base+"/forecast", questionOf(p), &f)
	return f, err
}

func questionOf(p place.Plan) planQuestion {
	q := planQuestion{Roots: p.Roots, Blobs: p.Blobs, Docs: make(map[string][]byte, len(p.Docs)), Platform: p.Platform}
	for h, raw := range p.Docs {
		q.Docs[h.String()] = raw
	}
	return q
}

// Commit makes root stand under names there.
func (s *Sink) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	return s.c.ask(ctx, s.base+"/commit", commitQuestion{root, names}, new(struct{}))
}

// List visits the names there.
func (s OpenSink) List(ctx context.Context, visit func(place.Entry) error) error {
	return s.c.list(ctx, s.base+"/list", visit)
}

// Resolve returns what name stands for there.
func (s OpenSink) Resolve(ctx context.Context, name string) (v1.Descriptor, error) {
	return (&Source{c: s.c, base: s.base}).Resolve(ctx, name)
}

// Remove removes a name there.
func (s OpenSink) Remove(ctx context.Context, name string) error {
	return s.c.ask(ctx, s.base+"/remove", nameQuestion{name}, new(struct{}))
}

// Close closes the far place.
func (s *Sink) Close() error { return s.c.closePlace(s.base) }

// Put sends what the far place wants of d, from where it wants it.
func (s *Sink) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	ctx, cancel := context.WithCancel(ctx)
	p := &putting{c: s.c, open: open}
	defer p.senders.Wait()
	defer cancel()
	resp, err := s.c.post(ctx, s.base+"/put", blobQuestion{Blob: d})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	dec := json.NewDecoder(io.LimitReader(resp.Body, maxListBytes))
	for n := 0; ; n++ {
		var l putLine
		if err := dec.Decode(&l); err != nil {
			return s.c.broken(ctx, fmt.Errorf("there is no word how it ended: %w", noEnd(err)))
		}
		switch {
		case l.Done:
			return nil
		case l.Failed != nil:
			cancel()
			p.senders.Wait()
			if p.fault != nil {
				return p.fault
			}
			return l.Failed.err(s.c.host)
		case l.Want == "" || n >= maxWants || !p.begin():
			return fmt.Errorf("%s wants too much of %s: %w", s.c.host, d.Digest, place.ErrInvalid)
		default:
			p.senders.Go(func() { defer p.end(); p.send(ctx, l) })
		}
	}
}

// A putting is one Put under way.
type putting struct {
	c       *Conn
	open    blob.Opener
	senders sync.WaitGroup
	busy    atomic.Int32 // how many of them there are

	mu    sync.Mutex
	fault error // of the content here: it explains what then fails there
}

// Bounds on what the other end may ask for in one Put.
const (
	maxWants   = 10_000
	maxSenders = 64 // at once
)

func (p *putting) begin() bool { return p.busy.Add(1) <= maxSenders }
func (p *putting) end()        { p.busy.Add(-1) }

func (p *putting) failed(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil && ctx.Err() == nil {
		p.fault = err
	}
}

// send sends what l wants. Whether it arrived is said in the answer to the Put.
func (p *putting) send(ctx context.Context, l putLine) {
	path := "/bytes/" + l.Want
	rc, err := p.open(ctx, l.Offset, l.Length)
	if err != nil {
		p.failed(ctx, err)
		raw, _ := json.Marshal(failed(err)) // of strings alone
		p.finish(p.c.send(ctx, path, io.NopCloser(bytes.NewReader(raw)), http.Header{failedHeader: {"1"}}))
		return
	}
	body := &outgoing{rc: rc, failed: func(err error) { p.failed(ctx, err) }, closed: make(chan struct{})}
	p.finish(p.c.send(ctx, path, body, nil))
	<-body.closed // the transport closes it, whatever happens
}

func (p *putting) finish(resp *http.Response, err error) {
	if err == nil {
		_ = resp.Body.Close() // nothing is in it
	}
}

// outgoing is content as the body of a request.
type outgoing struct {
	rc     io.ReadCloser
	failed func(error)
	once   sync.Once
	closed chan struct{}
}

func (o *outgoing) Read(p []byte) (int, error) {
	n, err := o.rc.Read(p)
	if err != nil && err != io.EOF {
		o.failed(err)
	}
	return n, err
}

func (o *outgoing) Close() (err error) {
	o.once.Do(func() {
		err = o.rc.Close()
		close(o.closed)
	})
	return err
}
