package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/mirror"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

func newSync(a *app) *cobra.Command {
	o := syncFlags{images: 8}
	cmd := &cobra.Command{
		Use:   "sync -f FILE",
		Short: "Keep a registry, layout, store or archive in step with a list of images",
		Long: `Keep a registry, a layout, the store or an archive in step with what a YAML file lists: repositories
or patterns of them, with rules for their tags (globs, regular expressions, ranges of versions, the
newest N), stores, layouts and archives. What has not changed costs one request for each tag and
moves nothing. When one image fails the others go on, and dray exits with 6.`,
		Example: `  dray sync -f mirror.yaml
  dray sync -f mirror.yaml --to registry.local:5000/mirror --dry-run
  dray sync -f mirror.yaml --delete --report report.json
  dray sync -f mirror.yaml --shard 0/3 --metrics /var/lib/node_exporter/textfile/dray.prom`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && o.file == "" {
				return &hintedError{fmt.Errorf("%.100q is one argument too many for dray sync", args[0]), "did you mean dray sync -f " + ui.Quote(args[0]) + "?"}
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sync(cmd.Context(), o) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&o.file, "file", "f", "", "YAML `file` of what to keep in step, - for standard input")
	fs.StringVar(&o.to, "to", "", "where everything goes, instead of what the file says: REGISTRY[/PREFIX], oci:DIR, store:, or an archive")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only say what would be copied and removed")
	fs.BoolVar(&o.remove, "delete", false, "remove at the destination what the rules no longer name")
	fs.BoolVar(&o.recheck, "recheck", false, "trust nothing that is remembered: look for every blob at the destination")
	fs.StringVar(&o.shard, "shard", "", "do only part `I/N` of the work, I counted from 0")
	fs.Var(&o.images, "images", "images to copy at once, each with up to --jobs blobs")
	fs.Var(&o.keepQuota, "keep-quota", "requests of a registry's quota to leave to others")
	fs.DurationVar(&o.quotaWait, "quota-wait", 0, "how long to wait when a registry's quota is spent (default: stop there)")
	fs.StringVar(&o.report, "report", "", "write what was done as JSON to `file`")
	fs.StringVar(&o.metrics, "metrics", "", "write figures for Prometheus to `file`, as node_exporter's textfile collector reads them")
	a.outputFlags(fs, "print only digests", syncReport{})
	a.storeFlags(fs)
	a.connectFlags(fs)
	a.transferFlags(fs)
	a.archiveFlags(fs)
	a.referrersFlag(fs)
	return cmd
}

type syncFlags struct {
	file, to, shard, report, metrics string
	dryRun, remove, recheck          bool
	images                           positive
	keepQuota                        natural
	quotaWait                        time.Duration
}

// A syncer is one run of sync.
type syncer struct {
	a      *app
	flags  syncFlags
	doors  *open.Doors
	file   *mirror.File
	target mirror.Target
	shard  mirror.Shard
	quota  *mirror.Quota
	memory *memo.Memo // of what was copied, and what it was: see [syncer.isSame]
	o      transfer.Options
	local  *syncDest // the destination, where it is one for all

	mu      sync.Mutex
	report  syncReport
	named   map[string]string          // names at the destination that the rules mean, and what goes there
	digests map[string]string          // of what stands under those names now, as far as it is known
	turns   map[string]chan struct{}   // see [syncer.turn]
	stood   map[string]map[string]bool // names that stood at the destination, by repository
	blind   bool                       // not everything that the rules mean is known
}

func (a *app) sync(ctx context.Context, flags syncFlags) error {
	s, err := a.newSyncer(flags)
	if err != nil {
		return err
	}
	a.moving = true
	err = s.run(ctx)
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return errors.Join(err, s.end(err))
}

func (a *app) newSyncer(flags syncFlags) (*syncer, error) {
	if flags.file == "" {
		return nil, &usageError{errors.New("name the file that lists what to keep in step with -f")}
	}
	s := &syncer{a: a, flags: flags, named: map[string]string{}, digests: map[string]string{}, turns: map[string]chan struct{}{}, stood: map[string]map[string]bool{}}
	if err := s.read(); err != nil {
		return nil, err
	}
	s.report = syncReport{Manifest: flags.file, To: s.targetName(), Shard: s.shard.String(), DryRun: flags.dryRun, Started: time.Now().UTC(), Images: []syncedImage{}}
	s.quota = &mirror.Quota{Keep: int64(flags.keepQuota), Patience: flags.quotaWait, Waiting: s.waiting}
	a.quota = s.quota.Handle
	a.hosts = s.hosts()
	var err error
	if s.o, err = a.transferOptions(); err != nil {
		return nil, err
	}
	if s.doors, err = a.open(); err != nil {
		return nil, err
	}
	if home, err := a.home(); err == nil { // without one, nothing is remembered
		s.memory = memo.NewOf(filepath.Join(home, "memory", "synced"), maxRemembered)
	}
	return s, nil
}

// read reads the file and what else says what to do.
func (s *syncer) read() (err error) {
	in, file := s.a.streams.In, "standard input"
	if s.flags.file != "-" {
		f, err := os.Open(s.flags.file)
		if err != nil {
			return fmt.Errorf("reading what to keep in step: %w", err)
		}
		defer f.Close()
		in, file = f, s.flags.file
	}
	if s.file, err = mirror.Parse(in, file); err != nil {
		return &usageError{fmt.Errorf("reading %w", err)}
	}
	to := s.file.To
	if s.flags.to != "" {
		to = s.flags.to
	}
	if to == "" {
		return &usageError{fmt.Errorf("reading %s: it does not say where to: give it \"to\", or --to", file)}
	}
	if s.target, err = mirror.ParseTarget(to); err != nil {
		return &usageError{fmt.Errorf("where to: %w", err)}
	}
	if s.shard, err = mirror.ParseShard(s.flags.shard); err != nil {
		return &usageError{fmt.Errorf("--shard: %w", err)}
	}
	if s.shard.Of > 1 && s.isArchive() {
		return &usageError{errors.New("--shard: an archive is written as a whole: each shard would replace what the others wrote")}
	}
	return nil
}

// targetName is how the destination is called.
func (s *syncer) targetName() string {
	if s.target.Ref.Kind == ref.Registry {
		return strings.TrimSuffix(s.target.Ref.Name.Host+"/"+s.target.Ref.Name.Repository, "/")
	}
	return s.target.Ref.String()
}

// hosts are the registries that the file names.
func (s *syncer) hosts() []string {
	var all []string
	if s.target.Ref.Kind == ref.Registry {
		all = append(all, s.target.Ref.Name.Host)
	}
	for _, r := range s.file.Images {
		if r.Source.Ref.Kind == ref.Registry {
			all = append(all, r.Source.Ref.Name.Host)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isArchive reports whether the destination is written as a whole.
func (s *syncer) isArchive() bool {
	switch s.target.Ref.Kind {
	case ref.OCIArchive, ref.DockerArchive:
		return true
	case ref.Path:
		fi, err := os.Stat(s.target.Ref.Path)
		return err != nil || !fi.IsDir()
	}
	return false
}

// run does the work of every rule, some images at once.
func (s *syncer) run(ctx context.Context) (err error) {
	if err := s.openLocal(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.closeLocal()) }()
	pool, pctx := errgroup.WithContext(ctx)
	pool.SetLimit(int(s.flags.images))
	var archive []*syncGroup
	for i := range s.file.Images {
		groups := s.groups(pctx, &s.file.Images[i])
		for g := range groups {
			if s.isArchive() {
				archive = append(archive, g)
				continue
			}
			s.queue(pctx, pool, g)
		}
	}
	if err := pool.Wait(); err != nil {
		return err
	}
	if s.isArchive() {
		err = s.archive(ctx, archive)
	} else if s.flags.remove && ctx.Err() == nil {
		s.removeUnnamed(ctx)
	}
	_ = s.memory.Save() // what is not remembered is asked for
	return err
}

// queue has the images of g copied, and g closed after the last.
func (s *syncer) queue(ctx context.Context, pool *errgroup.Group, g *syncGroup) {
	g.open.Add(1)
	for _, it := range g.items {
		if ctx.Err() != nil {
			break
		}
		g.open.Add(1)
		pool.Go(func() error {
			defer s.release(g)
			s.image(ctx, g, it)
			return context.Cause(ctx)
		})
	}
	s.release(g)
}

// release closes g if nobody uses it any more.
func (s *syncer) release(g *syncGroup) {
	if g.open.Add(-1) > 0 {
		return
	}
	if err := g.close(); err != nil {
		s.fail(syncedImage{Source: g.rule.From}, err)
	}
}
