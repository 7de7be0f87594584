package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A bench is everything that runs.
type bench struct {
	o     options
	tools map[string]string // paths
	src   *registry         // that images come from
	dst   *registry         // that they go to: a new one for each run; nil between
	from  string            // where src answers: itself, or the link before it
	runs  int
}

func (b *bench) start(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.tools["fetch"], b.tools["send"] = self, self
	if b.src, err = startRegistry(ctx, filepath.Join(b.o.dir, "source")); err != nil {
		return err
	}
	b.from = b.src.host
	if !b.o.link.isPlain() {
		b.from, err = b.o.link.start(b.src.host)
	}
	return err
}

func (b *bench) close() error {
	var errs []error
	for _, r := range []*registry{b.src, b.dst} {
		if r != nil {
			errs = append(errs, r.stop())
		}
	}
	return errors.Join(append(errs, b.o.link.close())...)
}

// all runs every job on every shape that was asked for.
func (b *bench) all(ctx context.Context) error {
	wantsJob, err1 := matching(b.o.job)
	wantsShape, err2 := matching(b.o.shape)
	wantsTool, err3 := matching(b.o.tools)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for _, s := range shapes(b.o) {
		if !wantsShape(s.name) {
			continue
		}
		e, err := b.prepare(ctx, s)
		if err != nil {
			return fmt.Errorf("making %s: %w", s.name, err)
		}
		for _, j := range jobs() {
			if !wantsJob(j.name) {
				continue
			}
			if err := b.job(ctx, j, e, wantsTool); err != nil {
				return fmt.Errorf("%s, %s: %w", j.name, s.name, err)
			}
		}
		if err := errors.Join(os.RemoveAll(s.folder(b.o.dir)), os.RemoveAll(e.tar)); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes a shape, and puts it where jobs take it from.
func (b *bench) prepare(ctx context.Context, s shape) (env, error) {
	e := env{
		is: s.name, dir: s.folder(b.o.dir), tar: filepath.Join(b.o.dir, s.name+".tar"), extra: filepath.Join(b.o.dir, "extra.tar.gz"),
		out: filepath.Join(b.o.dir, "out"), list: filepath.Join(b.o.dir, "list"),
		hosts: []string{"--host", "reg=" + b.from + ",tls=disabled"},
	}
	m := newMaker(e.dir, b.o.dir)
	if err := errors.Join(s.make(ctx, m), m.file(e.extra, 1<<20)); err != nil {
		return e, err
	}
	for _, tag := range s.images {
		if err := command(ctx, "", b.tools["dray"], "copy", "--progress=none", "oci:"+e.dir+":"+tag, b.src.host+"/bench/"+s.name+":"+tag); err != nil {
			return e, err
		}
		e.src = append(e.src, b.from+"/bench/"+s.name+":"+tag)
	}
	if err := os.WriteFile(e.list, []byte(strings.Join(e.src, "\n")+"\n"), 0o644); err != nil || !e.isOne() {
		return e, err
	}
	return e, command(ctx, "", b.tools["dray"], "copy", "--progress=none", "oci:"+e.dir+":1", e.tar)
}

// job runs every tool in turn, round after round, and prints what it took.
func (b *bench) job(ctx context.Context, j job, e env, wants func(string) bool) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(j.tools)) {
		e.bin = b.tools[name]
		if e.bin != "" && wants(name) && j.tools[name](e) != nil && !(j.again && (name == "fetch" || name == "send")) {
			names = append(names, name)
		}
	}
	costs, failed := map[string][]cost{}, map[string]error{}
	for range b.o.rounds {
		for _, name := range names {
			if failed[name] != nil {
				continue
			}
			e.bin = b.tools[name]
			c, err := b.run(ctx, j, e, j.tools[name])
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			costs[name], failed[name] = append(costs[name], c), err
		}
	}
	if len(names) > 0 {
		b.print(j, e, names, costs, failed)
	}
	return nil
}

// run runs one tool once, with nothing there that an earlier run left.
func (b *bench) run(ctx context.Context, j job, e env, args func(env) []string) (c cost, err error) {
	b.runs++
	if e, err = b.empty(ctx, j, e); err != nil {
		return c, err
	}
	e.near = fmt.Sprintf("%s/bench/%s:new%d", b.from, e.is, b.runs)
	home, tmp := filepath.Join(b.o.dir, "home"), filepath.Join(b.o.dir, "tmp")
	if err := os.MkdirAll(e.out, 0o755); err != nil {
		return c, err
	}
	defer func() {
		err = errors.Join(err, b.endEmpty(), os.RemoveAll(e.out), os.RemoveAll(home), os.RemoveAll(tmp))
	}()
	if j.again {
		if _, err := measure(ctx, args(e), home, tmp); err != nil {
			return c, err
		}
	}
	before, passed := b.requests(), b.o.link.passed.Load()
	c, err = measure(ctx, args(e), home, tmp)
	c.requests = float64(b.requests() - before)
	c.received = float64(b.o.link.passed.Load() - passed)
	return c, err
}

// empty starts the registry that a job writes to. It is a new one each time, at an
// address of its own: some tools remember, beyond the folders that are cleared, what
// they have sent where.
func (b *bench) empty(ctx context.Context, j job, e env) (env, error) {
	if !j.write {
		return e, nil
	}
	var err error
	if b.dst, err = startRegistry(ctx, filepath.Join(b.o.dir, "destination")); err != nil {
		return e, err
	}
	e.to = b.dst.host + "/run/app:1"
	e.hosts = append(slices.Clone(e.hosts), "--host", "reg="+b.dst.host+",tls=disabled")
	return e, nil
}

func (b *bench) endEmpty() error {
	r := b.dst
	b.dst = nil
	if r == nil {
		return nil
	}
	return r.stop()
}

// requests is how many the registries have answered.
func (b *bench) requests() int64 {
	n := b.src.requests.Load()
	if b.dst != nil {
		n += b.dst.requests.Load()
	}
	return n
}
