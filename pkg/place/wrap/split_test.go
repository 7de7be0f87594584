package wrap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/pkg/blob"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/mem"
	"github.com/dray-oci/dray/pkg/place/wrap"
)

// A link is a source behind a network of made-up speed, in the made-up time of a
// synctest bubble. Every content is the same: its bytes tell their offset.
type link struct {
	mem.Place
	latency time.Duration
	perConn float64 // bytes a second of one connection; 0: any
	inAll   float64 // bytes a second of all together; 0: any
	refuse  func(offset, length int64) error
	cut     int64 // if not 0, no connection gets past this byte

	mu        sync.Mutex
	open, max int       // connections
	opened    []int64   // offsets, in order
	free      time.Time // when the line has room again
}

func (l *link) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return l.OpenRange(ctx, d, 0, -1)
}

func (l *link) OpenRange(ctx context.Context, d v1.Descriptor, offset, length int64) (io.ReadCloser, error) {
	time.Sleep(l.latency)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = append(l.opened, offset)
	if l.refuse != nil {
		if err := l.refuse(offset, length); err != nil {
			return nil, err
		}
	}
	if length < 0 {
		length = d.Size - offset
	}
	l.open++
	l.max = max(l.max, l.open)
	return &linkReader{l: l, ctx: ctx, pos: offset, end: offset + length}, nil
}

type linkReader struct {
	l        *link
	ctx      context.Context
	pos, end int64
}

func (r *linkReader) Read(p []byte) (int, error) {
	if r.pos == r.end {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.end-r.pos, 64<<10)
	if r.l.cut > 0 {
		if n = min(n, r.l.cut-r.pos); n <= 0 {
			return 0, errCut
		}
	}
	select {
	case <-time.After(r.l.wait(n)):
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
	fill(p[:n], r.pos)
	r.pos += n
	return int(n), nil
}

var errCut = errors.New("cut")

// wait returns how long n bytes take.
func (l *link) wait(n int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var d time.Duration
	if l.perConn > 0 {
		d = time.Duration(float64(n) / l.perConn * float64(time.Second))
	}
	if l.inAll > 0 {
		now := time.Now()
		if l.free.Before(now) {
			l.free = now
		}
		l.free = l.free.Add(time.Duration(float64(n) / l.inAll * float64(time.Second)))
		d = max(d, l.free.Sub(now))
	}
	return d
}

func (r *linkReader) Close() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.l.open--
	return nil
}

// pattern is what contents repeat: of a length that fits into no other.
var pattern = func() []byte {
	b := make([]byte, 1_000_003)
	for i := range b {
		b[i] = byte(i>>16 ^ i>>8 ^ i)
	}
	return b
}()

// fill fills p with what stands at offset.
func fill(p []byte, offset int64) {
	for len(p) > 0 {
		n := copy(p, pattern[offset%int64(len(pattern)):])
		p, offset = p[n:], offset+int64(n)
	}
}

// read reads all of a content of that size, and returns how long it took.
func read(ctx context.Context, src place.Source, size int64) (time.Duration, error) {
	return readSlowly(ctx, src, size, 0)
}

// readSlowly is read that rests after each read.
func readSlowly(ctx context.Context, src place.Source, size int64, rest time.Duration) (time.Duration, error) {
	start := time.Now()
	rc, err := src.Open(ctx, v1.Descriptor{Size: size})
	if err != nil {
		return 0, err
	}
	var n int64
	buf, want := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		got, err := rc.Read(buf)
		time.Sleep(rest)
		fill(want[:got], n)
		if !bytes.Equal(buf[:got], want[:got]) {
			return 0, errors.Join(fmt.Errorf("the bytes from %d on are wrong", n), rc.Close())
		}
		n += int64(got)
		if errors.Is(err, io.EOF) && n != size {
			err = fmt.Errorf("%d bytes of %d", n, size)
		}
		if errors.Is(err, io.EOF) {
			return time.Since(start), rc.Close()
		}
		if err != nil {
			return 0, errors.Join(err, rc.Close())
		}
	}
}

const size = 128 << 20

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name        string
		link        *link
		most        time.Duration // that it may take
		conns, asks int           // at most
	}{
		{"slow for each connection", &link{latency: 50 * time.Millisecond, perConn: 10e6}, 4 * time.Second, 9, 50},
		{"slow for all together", &link{latency: 10 * time.Millisecond, inAll: 20e6}, 7 * time.Second, 3, 12},
		{"fast", &link{perConn: 300e6}, time.Second, 1, 1},
		{"no ranges", &link{perConn: 10e6, refuse: noRanges}, 14 * time.Second, 1, 2},
		{"one connection at a time", &link{perConn: 10e6, refuse: onlyOne}, 14 * time.Second, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := wrap.Split(tt.link, new(wrap.Line))
				took, err := read(t.Context(), src, size)
				if err != nil {
					t.Fatal(err)
				}
				if took > tt.most {
					t.Errorf("it took %v", took)
				}
				if tt.link.max > tt.conns || len(tt.link.opened) > tt.asks {
					t.Errorf("%d connections, %d requests: %d", tt.link.max, len(tt.link.opened), tt.link.opened)
				}
				if tt.link.open != 0 {
					t.Errorf("%d connections are left open", tt.link.open)
				}
			})
		})
	}
}

func noRanges(offset, length int64) error {
	if offset > 0 || length >= 0 {
		return place.ErrUnsupported
	}
	return nil
}

func onlyOne(offset, _ int64) error {
	if offset > 0 {
		return place.ErrUnavailable
	}
	return nil
}

// TestSplitForTheSlow reads for somebody who could not take more.
func TestSplitForTheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{perConn: 100e6}
		if _, err := readSlowly(t.Context(), wrap.Split(l, new(wrap.Line)), size, 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if len(l.opened) > 1 {
			t.Errorf("%d requests", len(l.opened))
		}
	})
}

// TestSplitShares reads several contents at once: helpers and their memory are
// bounded for all together.
func TestSplitShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{latency: 20 * time.Millisecond, perConn: 10e6}
		src := wrap.Split(l, new(wrap.Line))
		g, ctx := errgroup.WithContext(t.Context())
		for range 4 {
			g.Go(func() error {
				_, err := read(ctx, src, size)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if l.max > 4+8 || l.max <= 4 {
			t.Errorf("%d connections at once", l.max)
		}
	})
}

func TestSplitOfAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{perConn: 10e6}
		src := wrap.Split(l, new(wrap.Line))
		rc, err := place.OpenRange(t.Context(), src, v1.Descriptor{Size: size}, 1000, 100<<20)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(rc)
		want := make([]byte, 100<<20)
		fill(want, 1000)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := rc.Close(); err != nil {
			t.Error(err)
		}
		if l.max < 4 {
			t.Errorf("%d connections", l.max)
		}
	})
}

func TestSplitBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{perConn: 10e6, cut: 100 << 20}
		if _, err := read(t.Context(), wrap.Split(l, new(wrap.Line)), size); !errors.Is(err, errCut) {
			t.Errorf("got %v", err)
		}
		if l.open != 0 {
			t.Errorf("%d connections are left open", l.open)
		}
	})
}

// TestSplitEnds closes, or ends the context, in the middle: nothing may run on,
// which the end of the bubble would see.
func TestSplitEnds(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := &link{latency: 50 * time.Millisecond, perConn: 10e6}
			rc, err := wrap.Split(l, new(wrap.Line)).Open(ctx, v1.Descriptor{Size: size})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := blob.Copy(ctx, io.Discard, io.LimitReader(rc, 64<<20)); err != nil {
				t.Fatal(err)
			}
			want := error(nil)
			if cancelled {
				want = context.Canceled
				cancel()
				if _, err := io.Copy(io.Discard, rc); !errors.Is(err, want) {
					t.Errorf("after cancel: %v", err)
				}
			}
			go func() { _, _ = rc.Read(make([]byte, 1)) }() // as one that waits while another closes
			synctest.Wait()
			for range 2 {
				if err := rc.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := rc.Read(make([]byte, 1)); err == nil {
				t.Error("read after close")
			}
			if l.open != 0 {
				t.Errorf("%d connections are left open", l.open)
			}
		})
	}
}

func ExampleSplit() {
	var line wrap.Line // one for all registries of a run
	src := wrap.Split(new(mem.Place), &line)
	_, err := src.Resolve(context.Background(), "a")
	fmt.Println(errors.Is(err, place.ErrNotFound))
	// Output: true
}
