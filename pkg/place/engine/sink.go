package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
)

// A Sink writes images to an engine. What is put flows through a pipe into the
// engine, which is told the names at Commit. It takes one Put at a time.
//
// Where the engine takes one image a stream, Plan wants content that several
// images share once for each of them.
type Sink struct {
	engine  Loader
	archive Archive

	images []*image
	jobs   []*job  // what is not finished; the first is being put
	stream *stream // of the first job
	broken error   // the stream could not be finished

	// start begins to load in the context of the whole transfer, Plan's: that of a
	// Put ends before the stream does.
	start  func(r *io.PipeReader) *loading
	cancel context.CancelFunc
}

var (
	_ place.Sink       = (*Sink)(nil)
	_ place.Planner    = (*Sink)(nil)
	_ place.Forecaster = (*Sink)(nil)
)

// NewSink returns a sink that writes to e the archives that a makes.
func NewSink(e Loader, a Archive) *Sink { return &Sink{engine: e, archive: a} }

// Traits are the engine's, one Put at a time.
func (s *Sink) Traits() place.Traits {
	t := s.engine.Traits()
	t.Puts = 1
	return t
}

// Plan asks the engine what it has, and returns the rest. What the sink starts
// ends with ctx, and at the latest with Close. When it is called again, what was
// begun is dropped and not taken by the engine.
func (s *Sink) Plan(ctx context.Context, p place.Plan) ([]v1.Descriptor, error) {
	todo, err := s.plan(ctx, p)
	return todo, s.wrap(err)
}

func (s *Sink) plan(ctx context.Context, p place.Plan) (todo []v1.Descriptor, err error) {
	if s.start != nil {
		if err := s.Close(); err != nil {
			return nil, err
		}
		s.broken = nil
	}
	if todo, err = s.survey(ctx, p); err != nil {
		return nil, err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.start = func(r *io.PipeReader) *loading { return startLoading(ctx, s.engine, r) }
	return todo, nil
}

// Forecast asks the engine what it has.
func (s *Sink) Forecast(ctx context.Context, p place.Plan) (place.Forecast, error) {
	todo, err := NewSink(s.engine, s.archive).survey(ctx, p)
	return place.Forecast{Stands: err == nil && len(todo) == 0, Todo: todo, Free: -1}, s.wrap(err)
}

// survey finds out what the engine lacks.
func (s *Sink) survey(ctx context.Context, p place.Plan) (todo []v1.Descriptor, err error) {
	if s.images, err = images(p, s.engine.Traits()); err != nil {
		return nil, err
	}
	if s.jobs, err = s.lacking(ctx, p); err != nil {
		return nil, err
	}
	for _, j := range s.jobs {
		blobs, err := s.rehearse(ctx, j)
		if err != nil {
			return nil, err
		}
		todo = append(todo, blobs...)
	}
	return todo, nil
}

// lacking returns the jobs that bring the engine what it does not have.
func (s *Sink) lacking(ctx context.Context, p place.Plan) ([]*job, error) {
	var missing []*image
	var jobs []*job
	for _, i := range s.images {
		has, err := s.engine.Has(ctx, i.root, i.config)
		if err != nil {
			return nil, err
		}
		if !has {
			missing = append(missing, i)
			jobs = append(jobs, newJob(p, i))
		}
	}
	if len(jobs) > 1 && !s.engine.OneImage() {
		jobs = []*job{newJob(p, missing...)}
	}
	return jobs, nil
}

// rehearse plans an archive that nobody reads, to learn what has to be put.
func (s *Sink) rehearse(ctx context.Context, j *job) ([]v1.Descriptor, error) {
	sink, todo, err := s.openArchive(ctx, io.Discard, j)
	if err != nil {
		return nil, err
	}
	j.todo = todo
	return todo, sink.Close()
}

// openArchive begins to write the archive of j to w.
func (s *Sink) openArchive(ctx context.Context, w io.Writer, j *job) (place.Sink, []v1.Descriptor, error) {
	sink, err := s.archive.Write(w)
	if err != nil {
		return nil, nil, err
	}
	planner, ok := place.As[place.Planner](sink)
	if !ok {
		return nil, nil, errors.Join(errors.New("the archive takes no plan"), sink.Close())
	}
	todo, err := planner.Plan(ctx, j.plan)
	if err != nil {
		return nil, nil, errors.Join(err, sink.Close())
	}
	return sink, todo, nil
}

// Has always says false: what the engine has, Plan did not ask for.
func (s *Sink) Has(ctx context.Context, _ v1.Descriptor) (bool, error) {
	return false, context.Cause(ctx)
}

// Put writes d to the stream. With the last of a stream it waits until the
// engine has taken it. After wrong content, or when the engine has given up,
// all that follows fails.
func (s *Sink) Put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	return s.wrap(s.put(ctx, d, open))
}

func (s *Sink) put(ctx context.Context, d v1.Descriptor, open blob.Opener) error {
	// A job without layers is finished before anything is put.
	if err := s.finish(ctx); err != nil {
		return err
	}
	if len(s.jobs) == 0 || s.jobs[0].todo[0].Digest != d.Digest {
		return s.unasked(d)
	}
	if err := s.openStream(ctx); err != nil {
		return err
	}
	if err := s.stream.archive.Put(ctx, d, open); err != nil {
		return err
	}
	s.jobs[0].todo = s.jobs[0].todo[1:]
	return s.finish(ctx)
}

// unasked returns nil for what Plan left out because the engine has it, or gets
// it with the archive.
func (s *Sink) unasked(d v1.Descriptor) error {
	for _, j := range s.jobs {
		if slices.ContainsFunc(j.todo, func(t v1.Descriptor) bool { return t.Digest == d.Digest }) {
			return fmt.Errorf("%s is not the next in the stream: %w", d.Digest, place.ErrUnsupported)
		}
	}
	if !slices.ContainsFunc(s.images, func(i *image) bool { return i.blobs[d.Digest] }) {
		return fmt.Errorf("%s was not planned", d.Digest)
	}
	return nil
}

// openStream starts to load the first job.
func (s *Sink) openStream(ctx context.Context) error {
	if s.stream != nil {
		return nil
	}
	r, w := io.Pipe()
	st := &stream{pipe: w, loading: s.start(r)}
	sink, _, err := s.openArchive(ctx, st, s.jobs[0])
	if err != nil {
		s.broken = err
		s.cancel()
		st.abort()
		return err
	}
	st.archive = sink
	s.stream = st
	return nil
}

// finish ends the streams that have everything.
func (s *Sink) finish(ctx context.Context) error {
	for s.broken == nil && len(s.jobs) > 0 && len(s.jobs[0].todo) == 0 {
		if err := s.openStream(ctx); err != nil {
			return err
		}
		if s.broken = s.stream.finish(ctx, s.jobs[0].images); s.broken == nil {
			s.jobs, s.stream = s.jobs[1:], nil
		}
	}
	return s.broken
}

// Commit makes what was loaded stand under names.
func (s *Sink) Commit(ctx context.Context, root v1.Descriptor, names ...string) error {
	return s.wrap(s.commit(ctx, root, names))
}

func (s *Sink) commit(ctx context.Context, root v1.Descriptor, names []string) error {
	i := find(s.images, root)
	if i == nil {
		return fmt.Errorf("%s was not planned", root.Digest)
	}
	// An image without layers may have needed no Put.
	if err := s.finish(ctx); err != nil {
		return err
	}
	for _, j := range s.jobs {
		if find(j.images, root) != nil {
			return fmt.Errorf("%s was not put whole: %w", root.Digest, place.ErrNotFound)
		}
	}
	for _, name := range names {
		if err := s.engine.Tag(ctx, root, i.config, name); err != nil {
			return fmt.Errorf("naming it %s: %w", name, err)
		}
	}
	return context.Cause(ctx)
}

// Close stops what was not finished and waits until it has.
func (s *Sink) Close() error {
	if s.cancel != nil {
		s.cancel()
	}
	if s.stream != nil {
		s.stream.abort()
		_ = s.stream.archive.Close() // nobody will read it
		s.stream = nil
	}
	return nil
}

func (s *Sink) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing to %s: %w", s.engine.Traits().Kind, err)
}
