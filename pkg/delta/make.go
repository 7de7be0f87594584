package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/dray-oci/dray/pkg/blob"
)

// Make writes to w a recipe that rebuilds target from bases, any number of which
// it may use; without bases it carries all of the layer, compressed better. Before
// it returns nil it has applied the recipe as [Apply] does, and got target.
// Errors that satisfy [ErrNotSmaller] or [ErrNotExact] say why target is to be
// carried as it is; then, too, something may have been written to w.
//
// Target is opened some five times, each base up to three times; where no encoder is
// known some ten and seven times.
func Make(ctx context.Context, target Blob, bases []Blob, w io.Writer, o Options) (Stats, error) {
	o.progress = newProgress(o.Events, "making delta", target.Desc)
	defer o.progress.close()
	st, err := makeRecipe(ctx, target, bases, w, o)
	if err != nil {
		return Stats{}, fmt.Errorf("describing %s by others: %w", target.Desc.Digest, err)
	}
	return st, nil
}

func makeRecipe(ctx context.Context, target Blob, bases []Blob, w io.Writer, o Options) (_ Stats, err error) {
	m := maker{target: target, bases: bases[:min(len(bases), maxBases)], o: o, limit: target.Desc.Size}
	finding := findWork * target.Desc.Size
	o.progress.expect(finding + m.work())
	o.progress.stage(finding)
	ways, err := waysTo(ctx, m)
	if err != nil {
		return Stats{}, err
	}
	o.progress.more(work(ways) - m.work())
	var best *maker
	defer func() { err = errors.Join(err, best.Close()) }()
	var why error
	for _, m := range ways {
		if best != nil {
			m.limit = best.stats.Bytes
		}
		if err := m.make(ctx); err == nil {
			best, m = m, best
		} else if why = err; !errors.Is(err, ErrNotSmaller) && !errors.Is(err, ErrNotExact) {
			return Stats{}, errors.Join(err, m.Close())
		}
		if err := m.Close(); err != nil {
			return Stats{}, err
		}
	}
	if best == nil {
		return Stats{}, why
	}
	return best.stats, best.recipe.writeTo(ctx, w)
}

// A maker makes one recipe, in one way.
type maker struct {
	target   Blob
	bases    []Blob
	o        Options
	limit    int64 // the recipe has to be smaller
	byTokens bool  // the tar is described, and the tokens that the target is made of
	head     Head
	size     int64 // of the tar, if an encoder is known
	encoder  []byte
	program  []byte
	sections *spool // the new bytes, compressed
	changes  *spool // the differences, compressed
	tokens   *spool // the tokens, compressed
	recipe   parts
	stats    Stats
}

// reading returns how many bytes of bases there are to read.
func (m *maker) reading() (n int64) {
	for _, b := range m.bases {
		n += b.held().Size
	}
	return n
}

// work is how much there is to do, as stages and apply have it.
func (m *maker) work() int64 {
	size, reading := m.target.Desc.Size, m.reading()
	n := 2*(size+reading) + reading + encodeWork*size
	if m.byTokens {
		n += size + reading
	}
	return n
}

func work(ways []*maker) (n int64) {
	for _, m := range ways {
		n += m.work()
	}
	return n
}

// make makes the recipe and proves it.
func (m *maker) make(ctx context.Context) (err error) {
	m.o.progress.stage(2 * (m.target.Desc.Size + m.reading()))
	for _, s := range []**spool{&m.sections, &m.changes, &m.tokens} {
		if *s, err = newSpool(m.o.TempDir); err != nil {
			return err
		}
	}
	if err := m.describe(ctx); err != nil {
		return err
	}
	// What the comparison took is free now; left to itself it would be given back
	// only when the proof has taken as much again.
	runtime.GC()
	if m.byTokens {
		if err := m.tell(ctx); err != nil {
			return err
		}
	}
	if m.recipe, err = m.parts(); err != nil {
		return err
	}
	if m.stats.Bytes = m.recipe.size(); m.stats.Bytes >= m.limit {
		return fmt.Errorf("%w: %d bytes, of at most %d", ErrNotSmaller, m.stats.Bytes, m.limit-1)
	}
	return m.prove(ctx)
}

// Close gives back what m holds; m may be nil.
func (m *maker) Close() error {
	if m == nil {
		return nil
	}
	var errs []error
	for _, s := range []*spool{m.sections, m.changes, m.tokens} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// prove applies the recipe.
func (m *maker) prove(ctx context.Context) error {
	err := apply(ctx, m.target.Desc, m.recipe.open, m.base, io.Discard, m.o)
	if errors.Is(err, blob.ErrMismatch) || errors.Is(err, ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrNotExact, err)
	}
	return err
}

// base returns the base that is wanted.
func (m *maker) base(want Base) (Blob, error) {
	i := slices.IndexFunc(m.bases, func(b Blob) bool { return b.Desc.Digest == want.Digest })
	return m.bases[i], nil
}

// sameTar makes the program if a base is the same tar, and reports whether one is.
func (m *maker) sameTar(ctx context.Context) (bool, error) {
	i := slices.IndexFunc(m.bases, func(b Blob) bool { return b.DiffID == m.target.DiffID })
	if i < 0 || m.head.Packed || m.byTokens || m.target.DiffID == (v1.Hash{}) {
		return false, nil
	}
	b := m.bases[i]
	if id, err := m.target.unpackedDigest(ctx, m.o); err != nil || id != b.DiffID {
		return false, err
	}
	m.head.Length = m.size
	m.head.Bases = []Base{{Ref: Ref{Digest: b.Desc.Digest, Size: b.Desc.Size, DiffID: b.DiffID}, Length: m.size}}
	m.head.Target = Ref{Digest: m.target.Desc.Digest, Size: m.target.Desc.Size, DiffID: m.target.DiffID}
	var w writer
	w.add(segment{kind: same, n: m.size}, nil)
	return true, m.end(&w)
}

// minAlike is what part of a layer bases must have something of: a twentieth.
const minAlike = 20

// describe makes the program and the sections.
func (m *maker) describe(ctx context.Context) (err error) {
	if done, err := m.sameTar(ctx); done || err != nil {
		return err
	}
	heads, err := newSpool(m.o.TempDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, heads.Close()) }()
	s := newSurvey(heads)
	if err := m.survey(ctx, s); err != nil {
		return err
	}
	p := &planner{survey: s, last: -2}
	if err := p.plan(ctx, m.target, m.head.Packed, m.o); err != nil {
		return err
	}
	if (m.o.NoRepack || m.byTokens) && p.alike < p.length/minAlike {
		return fmt.Errorf("%w: the bases have next to nothing of it", ErrNotSmaller)
	}
	m.head.Length = p.length
	m.head.Target = Ref{Digest: m.target.Desc.Digest, Size: m.target.Desc.Size, DiffID: p.diffID}
	e := &emitter{survey: s, out: m.sections, limit: m.limit, buf: make([]byte, 64<<10)}
	if e.olds, err = m.gatherOld(ctx, s, p.choices); err != nil {
		return err
	}
	if err := m.emit(ctx, e, p.choices); err != nil {
		return err
	}
	return m.end(&e.writer)
}

// end ends the program.
func (m *maker) end(w *writer) (err error) {
	if err := m.dropUnused(w); err != nil {
		return err
	}
	st := w.stats
	m.stats.Copied, m.stats.Changed, m.stats.New, m.stats.Length = st.Copied, st.Changed, st.New, m.head.Length
	switch {
	case m.head.Packed:
		m.stats.Method = Bytes
	case m.byTokens:
		m.stats.Method = Tokens
	case w.count == 1 && st.Copied == m.head.Length:
		m.stats.Method = Same
	case len(m.head.Bases) == 0:
		m.stats.Method = Repack
	default:
		m.stats.Method = Delta
	}
	m.program, err = w.bytes()
	return err
}

// survey surveys the bases. Without an encoder only bases that are stored alike are of use.
func (m *maker) survey(ctx context.Context, s *survey) error {
	for _, b := range m.bases {
		base, err := s.base(ctx, b, m.head.Packed, m.o)
		if err == nil && m.byTokens {
			base.Tokens, err = isGzip(ctx, b)
		}
		if err != nil {
			return fmt.Errorf("reading base %s: %w", b.Desc.Digest, err)
		}
		m.head.Bases = append(m.head.Bases, base)
	}
	s.sort()
	return nil
}

// gatherOld puts the old versions that are looked at into the spool, and says where they stand.
func (m *maker) gatherOld(ctx context.Context, s *survey, choices []choice) (map[int32]int64, error) {
	at, start := map[int32]int64{}, s.heads.n
	var all []move
	for _, c := range choices {
		if c.old < 0 {
			continue
		}
		if _, twice := at[c.old]; twice {
			continue
		}
		k := &s.units[c.old]
		if s.heads.n > m.spoolLimit()-k.size {
			continue
		}
		at[c.old] = s.heads.n
		all = append(all, move{at: k.content(), to: s.heads.n, n: k.size})
		s.heads.n += k.size
	}
	if err := s.heads.reserve(s.heads.n - start); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b move) int { return int(min(max(a.at-b.at, -1), 1)) })
	return at, gather(ctx, m.head, all, m.base, s.heads, nil, m.o)
}

// spoolLimit is the size of the largest layer that takes part, unpacked.
func (m *maker) spoolLimit() int64 {
	limit := m.head.Length
	for _, b := range m.head.Bases {
		limit = max(limit, b.Length)
	}
	return limit
}

func (m *maker) emit(ctx context.Context, e *emitter, choices []choice) error {
	fresh, err := newZstd(m.sections, zstd.SpeedBestCompression)
	if err != nil {
		return err
	}
	changes, err := newZstd(m.changes, zstd.SpeedBetterCompression)
	if err != nil {
		return err
	}
	sparse := &sparseWriter{w: changes}
	e.fresh, e.changes = fresh, sparse
	err = e.emit(ctx, m.target, m.head.Packed, choices, m.o)
	return errors.Join(err, sparse.Close(), fresh.Close(), changes.Close())
}
