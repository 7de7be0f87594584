package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/dray-oci/dray/arch"
)

// options are the values of the flags that mean the same everywhere. A command
// takes the groups that it obeys, so that no flag is accepted and ignored.
type options struct {
	verbose bool

	format string
	quiet  bool

	platforms []string
	updates   bool     // are read, from registries too
	with      []string // where the rest of an update is

	noReferrers bool

	home, tmpDir string
	form         formFlag // of archives that are written: --as
	parts        partsFlags
	offline      bool

	jobs      positive
	progress  string
	limitRate byteSize

	retries       natural
	stallTimeout  duration
	insecure      []string
	allowHosts    []string
	caFile        string
	certDir       string
	authFile      string
	username      string
	passwordStdin bool
}

// environ marks a flag that DRAY_<FLAG> sets too.
const environ = "environ"

// shared marks the flags that fs has now as flags of every command that has them.
func shared(fs *pflag.FlagSet, names ...string) {
	for _, n := range names {
		// Fails only for a flag that was not defined, which the tests would see.
		_ = fs.SetAnnotation(n, environ, []string{"DRAY_" + strings.ToUpper(strings.ReplaceAll(n, "-", "_"))})
	}
}

// outputFlags are for commands whose output is also worth cutting to what quiet says.
func (a *app) outputFlags(fs *pflag.FlagSet, quiet string, printed ...any) {
	a.formatFlag(fs, printed...)
	fs.BoolVarP(&a.o.quiet, "quiet", "q", false, quiet)
	shared(fs, "quiet")
}

// platformFlag is for commands that choose among platforms.
func (a *app) platformFlag(fs *pflag.FlagSet, usage string) {
	fs.StringSliceVar(&a.o.platforms, "platform", nil, usage)
	shared(fs, "platform")
}

// storeFlags are for commands that use the local store.
func (a *app) storeFlags(fs *pflag.FlagSet) {
	fs.StringVar(&a.o.home, "home", "", "folder of the local store (default $XDG_DATA_HOME/dray)")
	shared(fs, "home")
}

// networkFlags are for commands that read registries, or what takes their place.
func (a *app) networkFlags(fs *pflag.FlagSet) {
	a.connectFlags(fs)
	fs.BoolVar(&a.o.offline, "offline", false, "touch no network; look names up in the store")
	shared(fs, "offline")
}

// connectFlags are for commands that cannot but talk to a registry.
func (a *app) connectFlags(fs *pflag.FlagSet) {
	a.o.retries, a.o.stallTimeout = 5, duration(time.Minute)
	fs.Var(&a.o.retries, "retries", "how often to try again without progress between")
	fs.Var(&a.o.stallTimeout, "stall-timeout", "give up a connection that delivers nothing for so long")
	fs.StringSliceVar(&a.o.insecure, "insecure", nil, "registry `host` that may be spoken to without verified TLS")
	fs.StringSliceVar(&a.o.allowHosts, "allow-host", nil, "`host` that a registry may send us to though its address is private")
	fs.StringVar(&a.o.caFile, "ca-file", "", "certificate authorities to trust besides the system's, PEM `file`")
	fs.StringVar(&a.o.certDir, "cert-dir", "", "`folder` of *.crt authorities and *.cert, *.key client certificates")
	a.authFileFlag(fs)
	fs.StringVarP(&a.o.username, "username", "u", "", "user `name` for the registry of the image")
	fs.BoolVar(&a.o.passwordStdin, "password-stdin", false, "read the password from standard input")
	shared(fs, "retries", "stall-timeout", "insecure", "allow-host", "ca-file", "cert-dir", "username")
}

// authFileFlag is for commands that look for credentials.
func (a *app) authFileFlag(fs *pflag.FlagSet) {
	fs.StringVar(&a.o.authFile, "authfile", "", "`file` of credentials to look into first")
	shared(fs, "authfile")
}

// transferFlags are for commands that move content.
func (a *app) transferFlags(fs *pflag.FlagSet) {
	a.jobsFlag(fs, "blobs to move at once")
	a.progressFlag(fs)
	fs.Var(&a.o.limitRate, "limit-rate", "most bytes a second, all connections together (10MiB)")
	fs.StringVar(&a.o.tmpDir, "tmpdir", "", "`folder` for temporary files")
	shared(fs, "limit-rate", "tmpdir")
}

// jobsFlag is for commands that do several things at once.
func (a *app) jobsFlag(fs *pflag.FlagSet, usage string) {
	a.o.jobs = 4
	fs.Var(&a.o.jobs, "jobs", usage)
	shared(fs, "jobs")
}

// progressFlag is for commands that take long.
func (a *app) progressFlag(fs *pflag.FlagSet) {
	fs.StringVar(&a.o.progress, "progress", "auto", "auto, plain, json or none")
	shared(fs, "progress")
}

// moveFlags are all that a command has that moves images between places.
func (a *app) moveFlags(fs *pflag.FlagSet) {
	a.storeFlags(fs)
	a.networkFlags(fs)
	a.transferFlags(fs)
}

// fromEnviron sets the flags that were not given from DRAY_<FLAG>.
func fromEnviron(fs *pflag.FlagSet, getenv func(string) string) (err error) {
	fs.VisitAll(func(f *pflag.Flag) {
		names := f.Annotations[environ]
		if f.Changed || len(names) == 0 || getenv == nil {
			return
		}
		if v := getenv(names[0]); v != "" && err == nil {
			if serr := fs.Set(f.Name, v); serr != nil {
				err = fmt.Errorf("%s: %w", names[0], serr)
			}
		}
	})
	return err
}

// referrersFlag is for commands that carry images with what belongs to them.
func (a *app) referrersFlag(fs *pflag.FlagSet) {
	fs.BoolVar(&a.o.noReferrers, "no-referrers", false, "leave signatures, SBOMs and attestations behind")
	shared(fs, "no-referrers")
}

// selection parses --platform.
func (a *app) selection() (arch.Selection, error) { return arch.ParseList(a.o.platforms) }

// positive is a flag of a whole number from 1 on, natural one from 0 on.
type (
	positive int
	natural  int
)

func (p *positive) Set(s string) error { return setNumber((*int)(p), s, 1) }
func (p *positive) String() string     { return strconv.Itoa(int(*p)) }
func (p *positive) Type() string       { return "int" }
func (n *natural) Set(s string) error  { return setNumber((*int)(n), s, 0) }
func (n *natural) String() string      { return strconv.Itoa(int(*n)) }
func (n *natural) Type() string        { return "int" }

func setNumber(to *int, s string, least int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < least {
		return fmt.Errorf("%q is no whole number from %d on", s, least)
	}
	*to = n
	return nil
}

// duration is a flag of a time longer than none: 90s, 2m.
type duration time.Duration

func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no time: write 90s or 2m", s)
	}
	*d = duration(v)
	return nil
}

func (d *duration) String() string { return time.Duration(*d).String() }
func (d *duration) Type() string   { return "duration" }

// byteSize is a flag of bytes, written as people write them: 10MiB, 4000M, 1g.
type byteSize int64

func (b *byteSize) Set(s string) error {
	n, err := parseSize(s)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no size: write 500000, 64k, 10MiB or 4GB", s)
	}
	*b = byteSize(n)
	return nil
}

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

func (b *byteSize) Type() string { return "size" }

// parseSize takes KiB, MiB, … as powers of 1024 and all else as powers of 1000.
func parseSize(s string) (int64, error) {
	if strings.HasSuffix(strings.ToLower(s), "ib") {
		return units.RAMInBytes(s)
	}
	return units.FromHumanSize(s)
}
