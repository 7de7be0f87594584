package far

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/place"
)

// write returns what answers a question to a sink; nil if there is no such.
func (p *served) write(what string) func(*server, http.ResponseWriter, *http.Request) error {
	switch what {
	case "has":
		return p.has
	case "forecast":
		return p.forecast
	case "plan":
		return p.plan
	case "put":
		return p.put
	case "commit":
		return p.commit
	case "remove":
		return p.remove
	}
	return nil
}

func (p *served) has(_ *server, w http.ResponseWriter, r *http.Request) error {
	var q blobQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	has, err := p.sink.Has(r.Context(), q.Blob)
	if err != nil {
		return err
	}
	return answerDoc(w, hasAnswer{has})
}

func (p *served) plan(_ *server, w http.ResponseWriter, r *http.Request) error {
	planner, ok := place.As[place.Planner](p.sink)
	if !ok {
		return place.ErrUnsupported
	}
	plan, err := readPlan(r)
	if err != nil {
		return err
	}
	ctx, done := p.lasting(r)
	defer done()
	wanted, err := planner.Plan(ctx, plan)
	if err != nil {
		return err
	}
	return answerDoc(w, blobsDoc{wanted})
}

func (p *served) forecast(_ *server, w http.ResponseWriter, r *http.Request) error {
	forecaster, ok := place.As[place.Forecaster](p.sink)
	if !ok {
		return place.ErrUnsupported
	}
	plan, err := readPlan(r)
	if err != nil {
		return err
	}
	f, err := forecaster.Forecast(r.Context(), plan)
	if err != nil {
		return err
	}
	return answerDoc(w, f)
}

// lasting is a context that ends when r is broken off, but not with its good end: a
// sink may begin something that goes on until it is closed, as a planner may.
func (p *served) lasting(r *http.Request) (ctx context.Context, done func()) {
	if _, plans := place.As[place.Planner](p.sink); !plans {
		return r.Context(), func() {}
	}
	ctx, cancel := context.WithCancelCause(p.life)
	stop := context.AfterFunc(r.Context(), func() { cancel(context.Cause(r.Context())) })
	return ctx, func() { stop() }
}

func readPlan(r *http.Request) (place.Plan, error) {
	var q planQuestion
	if err := readDoc(r.Body, maxPlanBytes, &q); err != nil {
		return place.Plan{}, err
	}
	plan := place.Plan{Roots: q.Roots, Blobs: q.Blobs, Docs: make(map[v1.Hash][]byte, len(q.Docs)), Platform: q.Platform}
	for digest, raw := range q.Docs {
		h, err := v1.NewHash(digest)
		if err != nil {
			return plan, fmt.Errorf("%w: %w", place.ErrInvalid, err)
		}
		plan.Docs[h] = raw
	}
	return plan, nil
}

func (p *served) commit(_ *server, w http.ResponseWriter, r *http.Request) error {
	var q commitQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	ctx, done := p.lasting(r)
	defer done()
	if err := p.sink.Commit(ctx, q.Root, q.Names...); err != nil {
		return err
	}
	return answerDoc(w, struct{}{})
}

func (p *served) remove(_ *server, w http.ResponseWriter, r *http.Request) error {
	var q nameQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	remover, ok := place.As[place.Remover](p.sink)
	if !ok {
		return place.ErrUnsupported
	}
	if err := remover.Remove(r.Context(), q.Name); err != nil {
		return err
	}
	return answerDoc(w, struct{}{})
}

// put puts one blob, whose bytes it asks for as the sink wants them.
func (p *served) put(s *server, w http.ResponseWriter, r *http.Request) error {
	var q blobQuestion
	if err := readDoc(r.Body, maxDocBytes, &q); err != nil {
		return err
	}
	say := speaker(w)
	ctx, done := p.lasting(r)
	defer done()
	err := p.sink.Put(ctx, q.Blob, func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return s.want(ctx, say, offset, length)
	})
	end := putLine{Done: err == nil}
	if err != nil {
		end.Failed = failed(err)
	}
	_ = say(end) // who does not read it has gone
	return nil
}

// speaker returns what writes a line at once.
func speaker(w http.ResponseWriter) func(putLine) error {
	var mu sync.Mutex
	enc, control := json.NewEncoder(w), http.NewResponseController(w)
	return func(l putLine) error {
		mu.Lock()
		defer mu.Unlock()
		if err := enc.Encode(l); err != nil {
			return err
		}
		return control.Flush()
	}
}

// An incoming is content on its way in: the body of a request, which lasts until it
// is given back, or why there is none.
type incoming struct {
	io.Reader
	failed error
	back   chan struct{}
	close  sync.Once
}

func (in *incoming) Close() error {
	in.close.Do(func() { close(in.back) })
	return nil
}

// want asks the near end for bytes, and waits for them.
func (s *server) want(ctx context.Context, say func(putLine) error, offset, length int64) (io.ReadCloser, error) {
	come := make(chan *incoming)
	s.mu.Lock()
	s.wants++
	id := strconv.Itoa(s.wants)
	s.wanted[id] = come
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.wanted, id)
		s.mu.Unlock()
	}()
	if err := say(putLine{Want: id, Offset: offset, Length: length}); err != nil {
		return nil, fmt.Errorf("asking for content: %w: %w", err, place.ErrUnavailable)
	}
	select {
	case in := <-come:
		if in.failed != nil {
			return nil, in.failed
		}
		return in, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// failedHeader says that the body of a request /bytes is a [failure].
const failedHeader = "Dray-Failed"

// bytes hands the body of r to who waits for it.
func (s *server) bytes(w http.ResponseWriter, r *http.Request, id string) error {
	s.mu.Lock()
	come := s.wanted[id]
	s.mu.Unlock()
	if come == nil {
		return fmt.Errorf("nobody waits for content %.20q: %w", id, place.ErrInvalid)
	}
	in := &incoming{Reader: whole{r.Body}, back: make(chan struct{})}
	if r.Header.Get(failedHeader) != "" {
		var f failure
		if err := readDoc(r.Body, maxDocBytes, &f); err != nil {
			return err
		}
		in.failed = f.err("the near end")
	}
	select {
	case come <- in:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	if in.failed == nil {
		<-in.back // whoever reads it closes it, also when the connection has broken
	}
	return answerDoc(w, struct{}{})
}

// whole is a body that breaks with an error that is no io.EOF.
type whole struct{ io.Reader }

func (b whole) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("content broke off: %w", place.ErrUnavailable)
	}
	return n, err
}
