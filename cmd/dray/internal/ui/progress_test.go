package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/event"
)

// stage is a Progress with a clock that the test moves.
type stage struct {
	*Progress
	out, err *bytes.Buffer
	time     time.Time
}

func newStage(t *testing.T, terminal bool, o ProgressOptions) *stage {
	t.Helper()
	st := &stage{time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	s, out, errs := Buffers("")
	s.ErrIsTerminal = terminal
	s.Size = func() (int, int) { return 72, 6 }
	s.Getenv = func(k string) string { return map[string]string{"NO_COLOR": "1"}[k] }
	st.out, st.err = out, errs
	o.Now = func() time.Time { return st.time }
	o.Ticks = make(chan time.Time) // the test calls tick itself
	p, err := NewProgress(s, o)
	if err != nil {
		t.Fatal(err)
	}
	st.Progress = p
	return st
}

// after moves the clock and draws.
func (s *stage) after(d time.Duration) {
	s.time = s.time.Add(d)
	s.tick()
}

// written returns what came on stderr since it was last called.
func (s *stage) written() string {
	defer s.err.Reset()
	return s.err.String()
}

func (s *stage) expect(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, s.written()); diff != "" {
		t.Error(diff)
	}
	if s.out.Len() > 0 {
		t.Errorf("stdout: %q", s.out)
	}
}

func blobOf(n byte, size int64) v1.Descriptor {
	return v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(fmt.Sprintf("%02x", n), 32)}, Size: size}
}

// run is a transfer of three blobs: one moves, with a resume and a step back, two need not.
func run(p *stage) {
	a := blobOf(0xaa, 900_000_000)
	p.Handle(event.Event{Kind: event.Plan, Count: 3, Total: 1_000_000_000})
	p.Handle(event.Event{Kind: event.Skip, Blob: blobOf(1, 60_000_000), Text: "present"})
	p.Handle(event.Event{Kind: event.Skip, Blob: blobOf(2, 40_000_000), Text: "mounted"})
	p.Handle(event.Event{Kind: event.Start, Blob: a})
	p.Handle(event.Event{Kind: event.Resume, Blob: a, N: 300_000_000})
	p.after(0)
	p.Handle(event.Event{Kind: event.Bytes, Blob: a, N: 200_000_000})
	p.Handle(event.Event{Kind: event.Bytes, Blob: a, N: -100_000_000})
	p.after(5 * time.Second)
	p.Handle(event.Event{Kind: event.Bytes, Blob: a, N: 500_000_000})
	p.Handle(event.Event{Kind: event.Done, Blob: a})
	p.Handle(event.Event{Kind: event.Referrers, Name: "a", Count: 6, Total: 6})
	p.after(5 * time.Second)
}

const lastLine = "moved 600MB in 1 blob, skipped 100MB in 2 (mounted 1, present 1), resumed 300MB, 6 of 6 referrers, 10.0s (60MB/s)\n"

func TestPlain(t *testing.T) {
	for mode, terminal := range map[string]bool{"": false, "auto": false, "plain": true} {
		p := newStage(t, terminal, ProgressOptions{Mode: mode})
		run(p)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		p.expect(t, "2 of 3 blobs, 400MB of 1GB, 0B/s\n"+
			"2 of 3 blobs, 500MB of 1GB, 20MB/s, 25s left\n"+
			"3 of 3 blobs, 1GB of 1GB, 70.6MB/s\n"+lastLine)
	}
}

func TestBars(t *testing.T) {
	p := newStage(t, true, ProgressOptions{})
	run(p)
	p.expect(t, ""+
		"2/3 blobs     [======>         ]       400MB/1GB      0B/s\n"+
		"aaaaaaaaaaaa  [=====>          ]     300MB/900MB      0B/s\n"+
		"\x1b[2A\r\x1b[J"+
		"2/3 blobs     [========>       ]       500MB/1GB    20MB/s  25s left\n"+
		"aaaaaaaaaaaa  [=======>        ]     400MB/900MB    20MB/s  25s left\n"+
		"\x1b[2A\r\x1b[J"+
		"3/3 blobs     [================]         1GB/1GB  70.6MB/s\n")
	p.Handle(event.Event{Kind: event.Warn, Text: "odd\x1b", Hint: "look"})
	p.expect(t, "\x1b[1A\r\x1b[Jwarning: odd\\x1b\nhint: look\n"+
		"3/3 blobs     [================]         1GB/1GB  70.6MB/s\n")
	if err := p.Pause(func() error { _, err := p.out.WriteString("data"); return err }); err != nil || p.out.String() != "data" {
		t.Error(err)
	}
	p.out.Reset()
	p.expect(t, "\x1b[1A\r\x1b[J")
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.expect(t, lastLine)
	p.Handle(event.Event{Kind: event.Warn, Text: "late"})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.expect(t, "")
}

func TestFrameFits(t *testing.T) {
	tl := &tally{}
	tl.take(event.Event{Kind: event.Plan, Count: 20, Total: 1 << 40})
	for i := range byte(20) {
		tl.take(event.Event{Kind: event.Start, Blob: blobOf(i, 1<<30)})
	}
	for _, size := range [][2]int{{20, 3}, {40, 4}, {80, 24}, {300, 5}} {
		lines := frame(tl, func() (int, int) { return size[0], size[1] })
		if len(lines) >= size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, l := range lines {
			if len(l) >= size[0] {
				t.Errorf("%v: %d wide: %q", size, len(l), l)
			}
		}
		if size[1] < 20 && !strings.HasSuffix(lines[len(lines)-1], " more") {
			t.Errorf("%v: %q says not what is left out", size, lines)
		}
	}
	if got := bar("x", 5, 0, 0, 70); strings.Contains(got, "[") || strings.Contains(got, "/0B") {
		t.Errorf("without a total: %q", got)
	}
}

func TestWork(t *testing.T) {
	tl := &tally{}
	for i := range byte(20) {
		tl.take(event.Event{Kind: event.Start, Blob: blobOf(i, 1<<30)})
	}
	tl.take(event.Event{Kind: event.Work, Text: "summing parts", N: 5_000_000, Total: 20_000_000})
	for height := 3; height < 30; height++ {
		lines := frame(tl, func() (int, int) { return 100, height })
		if len(lines) >= height || strings.Contains(strings.Join(lines, "\n"), "summing parts") != (height > 3) {
			t.Errorf("%d lines: %q", height, lines)
		}
	}
	if got := status(tl); !strings.HasSuffix(got, ", summing parts: 5MB of 20MB") {
		t.Errorf("%q", got)
	}
	before := tl.summary(time.Time{})
	tl.take(event.Event{Kind: event.Work, Text: "summing parts", N: 20_000_000, Total: 20_000_000})
	if got := status(tl) + strings.Join(frame(tl, func() (int, int) { return 100, 30 }), "\n"); strings.Contains(got, "summing") {
		t.Errorf("it is over, and still there: %q", got)
	}
	if after := tl.summary(time.Time{}); after != before {
		t.Errorf("it counts as moved: %q", after)
	}
}

func TestWorkAlone(t *testing.T) {
	one, two := event.Event{Kind: event.Work, Text: "rebuilding", Blob: blobOf(0xaa, 20), N: 5, Total: 20}, event.Event{Kind: event.Work, Text: "summing parts", N: 1, Total: 9}
	p := newStage(t, true, ProgressOptions{})
	p.Handle(one)
	p.Handle(two)
	p.after(0)
	p.expect(t, "rebuilding aaaaaaaaaaaa [=>    ]          5B/20B      0B/s\n"+
		"summing parts [=>              ]           1B/9B      0B/s\n")
	one.N, two.N = 20, 9
	p.Handle(two)
	p.Handle(one)
	p.after(time.Second)
	p.expect(t, "\x1b[2A\r\x1b[J")
	if err := p.Close(); err != nil { // nothing was transferred: no last line
		t.Error(err)
	}
	p.expect(t, "")
	one.N = 5
	p = newStage(t, false, ProgressOptions{})
	p.Handle(one)
	p.after(0)
	p.expect(t, "rebuilding aaaaaaaaaaaa: 5B of 20B\n")
}

func TestAutoMode(t *testing.T) {
	for _, tt := range []struct {
		term, ci string
		terminal bool
		bars     bool
	}{{"xterm", "", true, true}, {"dumb", "", true, false}, {"xterm", "true", true, false}, {"xterm", "false", true, true}, {"xterm", "", false, false}} {
		s, _, _ := Buffers("")
		s.ErrIsTerminal = tt.terminal
		s.Getenv = func(k string) string { return map[string]string{"TERM": tt.term, "CI": tt.ci}[k] }
		p, err := NewProgress(s, ProgressOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, bars := p.view.(*barsView); bars != tt.bars {
			t.Errorf("%+v: %T", tt, p.view)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	s, _, _ := Buffers("")
	if _, err := NewProgress(s, ProgressOptions{Mode: "bars"}); err == nil {
		t.Error("a mode that is none was taken")
	}
}

func TestNotes(t *testing.T) {
	events := []event.Event{
		{Kind: event.Note, Text: "the tag moved", Hint: "use the digest"},
		{Kind: event.Warn, Err: errors.New("config: permission\ndenied")},
		{Kind: event.Lost, Name: "a b", Text: "a name is left out"},
		{Kind: event.Note, Text: "the tag moved", Hint: "use the digest"},
		{Kind: event.Request, Text: "GET https://r/v2/ 200", Wait: 35 * time.Millisecond},
		{Kind: event.Retry, Err: errors.New("reset"), Wait: 2 * time.Second},
		{Kind: event.Retry, Text: "429", Wait: 30 * time.Second},
	}
	note, warn := "note: the tag moved\nhint: use the digest\n", "warning: config: permission; denied\nwarning: a name is left out\n"
	long := "retry: 429, again in 30.0s\n"
	for _, tt := range []struct {
		o    ProgressOptions
		want string
	}{
		{ProgressOptions{Mode: "none"}, note + warn + long},
		{ProgressOptions{Mode: "plain"}, note + warn + long},
		{ProgressOptions{Mode: "auto", Quiet: true}, warn},
		{ProgressOptions{Mode: "none", Verbose: true}, note + warn + "request: GET https://r/v2/ 200 (35 ms)\nretry: reset, again in 2.0s\n" + long},
	} {
		p := newStage(t, false, tt.o)
		for _, e := range events {
			p.Handle(e)
		}
		if err := p.Close(); err != nil { // nothing was transferred: no last line
			t.Error(err)
		}
		p.expect(t, tt.want)
	}
	p := newStage(t, false, ProgressOptions{Mode: "none"})
	run(p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.expect(t, "")
}

func TestJSON(t *testing.T) {
	p := newStage(t, true, ProgressOptions{Mode: "json", Quiet: true})
	a := blobOf(0xaa, 900)
	run(p)
	p.Handle(event.Event{Kind: event.Start, Blob: a})
	for range 40 { // 4 s of many small reads
		p.time = p.time.Add(100 * time.Millisecond)
		p.Handle(event.Event{Kind: event.Bytes, Blob: a, N: 10})
	}
	p.Handle(event.Event{Kind: event.Commit, Blob: a, Name: "n\u202e"})
	p.Handle(event.Event{Kind: event.Retry, Err: errors.New("cut\nhere"), Wait: time.Second})
	p.Handle(event.Event{Kind: event.Request, Text: "GET /"})
	for range 2 {
		p.Handle(event.Event{Kind: event.Warn, Text: "odd"})
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	kinds := map[string]int{}
	var last Message
	for line := range strings.Lines(p.written()) {
		if strings.Contains(line, "\u202e") {
			t.Errorf("unsafe: %q", line)
		}
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		last = Message{}
		if err := dec.Decode(&last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds[last.Event]++
	}
	want := map[string]int{"plan": 1, "skip": 2, "start": 2, "resume": 1, "bytes": 10, "done": 1, "commit": 1, "referrers": 1, "retry": 1, "warn": 1, "summary": 1}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	sum := &Summary{
		Moved: 600_000_400, MovedBlobs: 1, Skipped: 100_000_000, SkippedBlobs: 2,
		SkippedWhy: map[string]int{"mounted": 1, "present": 1}, Resumed: 300_000_000, Referrers: &Referrers{6, 6}, Seconds: 14,
	}
	if diff := cmp.Diff(sum, last.Summary); diff != "" {
		t.Error(diff)
	}
}

func TestConcurrent(t *testing.T) {
	ticks := make(chan time.Time)
	s, _, errs := Buffers("")
	s.ErrIsTerminal = true
	p, err := NewProgress(s, ProgressOptions{Ticks: ticks})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range byte(8) {
		wg.Go(func() {
			b := blobOf(i, 100)
			p.Handle(event.Event{Kind: event.Start, Blob: b})
			for range 100 {
				p.Handle(event.Event{Kind: event.Bytes, Blob: b, N: 1})
			}
			p.Handle(event.Event{Kind: event.Note, Text: "same"})
			p.Handle(event.Event{Kind: event.Done, Blob: b})
		})
	}
	for range 20 {
		ticks <- time.Time{}
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(errs.String(), "moved 800B in 8 blobs, skipped 0B in 0, ") || strings.Count(errs.String(), " same\n") != 1 {
		t.Errorf("%q", errs)
	}
}

func TestWriteErrorIsTold(t *testing.T) {
	full := errors.New("full")
	s, _, _ := Buffers("")
	s.Err = writerFunc(func([]byte) (int, error) { return 0, full })
	p, err := NewProgress(s, ProgressOptions{Mode: "none"})
	if err != nil {
		t.Fatal(err)
	}
	p.Handle(event.Event{Kind: event.Note, Text: "x"})
	if err := p.Close(); !errors.Is(err, full) {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
