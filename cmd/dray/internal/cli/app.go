package cli

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/config"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/open"
	"github.com/dray-oci/dray/pkg/place/archive"
	"github.com/dray-oci/dray/pkg/place/cstorage"
	"github.com/dray-oci/dray/pkg/place/daemon"
	"github.com/dray-oci/dray/pkg/place/far"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/place/store"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/transfer"
)

// An app is one run of dray: the flags, and what commands need, made on demand
// so that none pays for what it does not use.
type app struct {
	env      Env
	streams  *ui.Streams
	o        options
	planning bool     // nothing is to be moved or written: what would be done is said
	moving   bool     // content is on its way, and a next run goes on from there
	hosts    []string // registries that the command names: see [app.given]
	bare     []bare   // names in the arguments that say no place: see [app.meantFile]

	lists    lists
	receipt  receipt
	update   updateFlags
	printed  map[*pflag.FlagSet][]any // what --format of a command is filled in from
	progress *ui.Progress
	quota    event.Handler // is told what registries say of their quotas
	lost     atomic.Int64  // things that were named and left out
	config   *config.Config
	client   *registry.Client
	doors    *open.Doors
}

// refs parses names, and remembers the registries in them.
func (a *app) refs(names ...string) ([]ref.Ref, error) {
	refs := make([]ref.Ref, 0, len(names))
	for _, name := range names {
		a.typed(name, ref.Registry)
		r, err := ref.Parse(name)
		if err != nil {
			return nil, err
		}
		if r.Kind == ref.Registry {
			a.talksTo(r.Name.Host)
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// A bare name says no place.
type bare struct {
	name string
	kind ref.Kind // what it is taken for
}

// typed remembers a name that was given as an argument, if it is a bare one or none;
// a bare one is of that kind.
func (a *app) typed(name string, kind ref.Kind) {
	if a.o.offline {
		kind = ref.Store
	}
	r, err := ref.Parse(name)
	isBare := err != nil || r.Kind == ref.Registry && !r.Explicit
	if b := (bare{name, kind}); isBare && !slices.Contains(a.bare, b) {
		a.bare = append(a.bare, b)
	}
}

// talksTo remembers that the command names a registry.
func (a *app) talksTo(host string) {
	if !slices.Contains(a.hosts, host) {
		a.hosts = append(a.hosts, host)
	}
}

// close ends what was begun; the last line of the progress is drawn here.
func (a *app) close() error {
	var errs []error
	if a.client != nil {
		errs = append(errs, a.client.Close())
	}
	if a.progress != nil {
		errs = append(errs, a.progress.Close())
	}
	return errors.Join(errs...)
}

// events is where everything that happens is shown.
func (a *app) events() (event.Handler, error) {
	if a.progress == nil {
		p, err := ui.NewProgress(a.streams, ui.ProgressOptions{Mode: a.o.progress, Verbose: a.o.verbose, Quiet: a.o.quiet})
		if err != nil {
			return nil, &usageError{err}
		}
		a.progress = p
	}
	return a.handle, nil
}

// handle shows e, and remembers that something was left out: then not all is done.
func (a *app) handle(e event.Event) {
	if e.Kind == event.Lost {
		a.lost.Add(1)
	}
	if e.Kind == event.Quota {
		a.quota.Emit(e)
	}
	a.progress.Handle(e)
}

// userHome is the home folder, or empty where there is none.
func (a *app) userHome() string {
	if runtime.GOOS == "windows" {
		return a.env.Getenv("USERPROFILE")
	}
	return a.env.Getenv("HOME")
}

// home is the folder of everything that dray keeps: --home, DRAY_HOME, or the
// user's data folder.
func (a *app) home() (string, error) {
	if a.o.home != "" {
		return filepath.Abs(a.o.home)
	}
	data := a.env.Getenv("XDG_DATA_HOME")
	user := a.userHome()
	switch {
	case filepath.IsAbs(data):
	case runtime.GOOS == "windows" && a.env.Getenv("LOCALAPPDATA") != "":
		data = a.env.Getenv("LOCALAPPDATA")
	case user == "":
		return "", errors.New("finding the local store: there is no home folder: set DRAY_HOME or --home")
	case runtime.GOOS == "darwin":
		data = filepath.Join(user, "Library", "Application Support")
	default:
		data = filepath.Join(user, ".local", "share")
	}
	return filepath.Join(data, "dray"), nil
}

// store opens the local store; the caller closes it.
func (a *app) store() (*store.Store, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	events, err := a.events()
	if err != nil {
		return nil, err
	}
	return store.New(filepath.Join(home, "store"), events), nil
}

// open is the way to every place.
func (a *app) open() (*open.Doors, error) {
	if a.doors != nil {
		return a.doors, nil
	}
	o, err := a.doorOptions()
	if err != nil {
		return nil, err
	}
	a.doors = open.New(o)
	return a.doors, nil
}

func (a *app) doorOptions() (open.Options, error) {
	storePath, memory := "", ""
	if home, err := a.home(); err == nil { // without one there is no store; who needs it will say so
		storePath, memory = filepath.Join(home, "store"), filepath.Join(home, "memory")
	}
	client, err := a.registry()
	if err != nil {
		return open.Options{}, err
	}
	events, err := a.events()
	if err != nil {
		return open.Options{}, err
	}
	with, err := a.refs(a.o.with...)
	if err != nil {
		return open.Options{}, err
	}
	return open.Options{
		With:     with,
		Updates:  a.o.updates,
		Store:    storePath,
		Memory:   memory,
		TempDir:  cmp.Or(a.o.tmpDir, os.TempDir()),
		Offline:  a.o.offline,
		Jobs:     int(a.o.jobs),
		Registry: client,
		Limit:    int64(a.o.limitRate),
		Docker:   daemon.FromEnviron(a.env.Getenv, a.userHome()),
		Podman:   cstorage.Options{},
		SSH:      far.SSH{Own: ownFile()},
		Form:     archive.Form(a.o.form),
		Parts:    a.o.parts.Parts,
		Stdin:    a.streams.In,
		Stdout:   a.streams.Out,
		Events:   events,
	}, nil
}

// ownFile is the file of this program, or empty.
func ownFile() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// transferOptions are the flags as [transfer.Copy] takes them.
func (a *app) transferOptions() (transfer.Options, error) {
	sel, err := a.selection()
	if err != nil {
		return transfer.Options{}, err
	}
	events, err := a.events()
	if err != nil {
		return transfer.Options{}, err
	}
	return transfer.Options{
		Platforms: sel, Host: arch.Host().Target(), NoReferrers: a.o.noReferrers, Jobs: int(a.o.jobs), Events: events,
	}, nil
}
