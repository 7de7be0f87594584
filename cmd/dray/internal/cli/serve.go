package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/serve"
)

func newServe(a *app) *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve SRC…",
		Short: "Serve the store, layouts and archives as a registry",
		Long: `Serve the store, layouts and archives as a registry, from where they lie: nothing is unpacked
or copied. Images are under their names, with or without the host: library/alpine and
docker.io/library/alpine. Those with a mere tag for a name are under --name.

The address is printed once it takes connections. Ctrl-C and SIGTERM end it; what is under way is
finished first. /healthz says whether all is well.`,
		Example: `  dray serve all.tar
  docker pull 127.0.0.1:5000/library/alpine:3.20

  dray serve --writable
  dray serve oci:layout --name team/app
  dray serve store: --writable --addr :5000 --tls-cert cert.pem --tls-key key.pem --htpasswd users
  dray serve new.tar old.tar --addr 127.0.0.1:0`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.writable {
				return nil
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 { // what takes pushes can only be the store
				args = []string{"store:"}
			}
			return a.serve(cmd.Context(), args, o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.addr, "addr", "127.0.0.1:5000", "`HOST:PORT` to listen on; without a host, on every address; port 0 takes a free one")
	fs.StringVar(&o.name, "name", "", "`repository` of the images whose names have none (default the name of the folder or file)")
	fs.BoolVar(&o.writable, "writable", false, "take pushes into the store, which is the first SRC, or the only one if none is named")
	fs.BoolVar(&o.allowDelete, "allow-delete", false, "with --writable: let clients delete names")
	fs.StringVar(&o.tlsCert, "tls-cert", "", "certificate to show, with those in between, PEM `file`")
	fs.StringVar(&o.tlsKey, "tls-key", "", "its private key, PEM `file`")
	fs.StringVar(&o.htpasswd, "htpasswd", "", "`file` of who may do anything at all, as htpasswd -B writes it")
	fs.StringVar(&o.accessLog, "access-log", "text", "a line for every request on stderr: text, json or none")
	fs.DurationVar(&o.grace, "grace", 25*time.Second, "how long to wait for what is under way when it ends")
	fs.IntVar(&o.maxUploads, "max-uploads", 128, "blobs that may be on their way in at once")
	fs.Var(&o.uploadSpace, "upload-space", "room for blobs on their way in (default 64GiB)")
	fs.DurationVar(&o.uploadExpiry, "upload-expiry", time.Hour, "drop a blob on its way in that nobody went on with for so long")
	fs.StringVar(&a.o.tmpDir, "tmpdir", "", "`folder` for temporary files (default for uploads: beside the store)")
	shared(fs, "tmpdir")
	a.storeFlags(fs)
	a.withFlag(fs)
	return cmd
}

type serveFlags struct {
	addr, name            string
	writable, allowDelete bool
	tlsCert, tlsKey       string
	htpasswd              string
	accessLog             string
	grace                 time.Duration
	maxUploads            int
	uploadSpace           byteSize
	uploadExpiry          time.Duration
}

func (a *app) serve(ctx context.Context, args []string, o serveFlags) (err error) {
	refs, err := a.refs(args...)
	if err != nil {
		return err
	}
	with, err := a.refs(a.o.with...)
	if err != nil {
		return err
	}
	if err := errors.Join(o.check(refs), checkServedWith(with)); err != nil {
		return err
	}
	so, err := a.serveOptions(o)
	if err != nil {
		return err
	}
	conf, err := o.tls()
	if err != nil {
		return err
	}
	if len(args) > 1 { // what one place leaves out may lie in the next
		a.o.with = append(a.o.with, args...)
	}
	doors, err := a.open()
	if err != nil {
		return err
	}
	for _, r := range refs {
		src, err := doors.Source(ctx, r)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, src.Close()) }()
		if err := a.checkWhole(ctx, src); err != nil {
			return fmt.Errorf("serving: %w", err)
		}
		so.Places = append(so.Places, serve.Place{Source: src, Name: cmp.Or(o.name, nameless(r))})
	}
	s, err := serve.New(so)
	if err != nil {
		return err
	}
	return errors.Join(a.listen(ctx, s, o, conf), s.Close())
}

// check finds what does not go together before anything is opened.
func (o serveFlags) check(refs []ref.Ref) error {
	wrong := func(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
	for _, r := range refs {
		switch {
		case r.Kind == ref.Registry:
			return wrong("serving %s: that is at a registry already: what lies here is served: store:, oci:DIR or an archive", r)
		case r.Kind == ref.DockerDaemon, r.Kind == ref.ContainersStorage:
			return wrong("serving %s: save it into an archive, and serve that", r)
		case r.Image != "" || r.Name != (ref.Name{}):
			return wrong("serving %s: a place is served whole: leave the name of the image out", r)
		}
	}
	_, _, err := net.SplitHostPort(o.addr)
	_, nameErr := ref.ParseRepository(o.name)
	switch {
	case err != nil:
		return wrong("--addr %q: it is HOST:PORT, or :PORT", o.addr)
	case o.name != "" && nameErr != nil:
		return wrong("--name: %w", nameErr)
	case o.name != "" && (len(refs) > 1 || refs[0].Kind == ref.Store):
		return wrong("--name is for one layout or archive")
	case o.writable && refs[0].Kind != ref.Store:
		return wrong("--writable takes pushes into the store: name store: first")
	case o.allowDelete && !o.writable:
		return wrong("--allow-delete goes with --writable")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return wrong("--tls-cert and --tls-key go together")
	case o.grace < 0 || o.maxUploads < 1 || o.uploadExpiry <= 0:
		return wrong("--grace, --max-uploads and --upload-expiry are more than nothing")
	}
	return nil
}

// checkServedWith refuses places where content cannot be opened by its digest alone,
// which is all that clients say.
func checkServedWith(with []ref.Ref) error {
	for _, r := range with {
		switch r.Kind {
		case ref.Registry, ref.DockerDaemon, ref.ContainersStorage:
			return &usageError{fmt.Errorf("--with %s: what is served lies here: store:, oci:DIR or an archive", r)}
		}
	}
	return nil
}

// tls is nil where it was not asked for.
func (o serveFlags) tls() (*tls.Config, error) {
	if o.tlsCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("reading certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

func (a *app) serveOptions(o serveFlags) (serve.Options, error) {
	events, err := a.events()
	if err != nil {
		return serve.Options{}, err
	}
	so := serve.Options{
		Writable: o.writable, AllowDelete: o.allowDelete, Events: events,
		Uploads: serve.UploadLimits{TempDir: a.o.tmpDir, Most: o.maxUploads, Bytes: int64(o.uploadSpace), Expiry: o.uploadExpiry},
	}
	if so.Access, err = a.accessLog(o.accessLog); err != nil {
		return so, err
	}
	if o.writable && a.o.tmpDir == "" { // not /tmp, which may be memory
		if so.Uploads.TempDir, err = a.home(); err != nil {
			return so, err
		}
		if err := os.MkdirAll(so.Uploads.TempDir, 0o755); err != nil {
			return so, fmt.Errorf("making folder for uploads: %w", err)
		}
	}
	if o.htpasswd == "" {
		return so, nil
	}
	f, err := os.Open(o.htpasswd)
	if err != nil {
		return so, fmt.Errorf("reading users: %w", err)
	}
	defer f.Close()
	if so.Users, err = serve.ReadUsers(f); err != nil {
		return so, fmt.Errorf("reading users: %s: %w", o.htpasswd, err)
	}
	return so, nil
}

// listen serves until ctx ends.
func (a *app) listen(ctx context.Context, s *serve.Server, o serveFlags, conf *tls.Config) error {
	repositories, err := s.Repositories(ctx)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return &listenError{err}
	}
	what := fmt.Sprintf("serving %d repositories, read-only", len(repositories))
	if o.writable {
		what = fmt.Sprintf("serving %d repositories, and taking pushes", len(repositories))
	}
	if err := errors.Join(a.note(what, ""), a.noteOpen(ln.Addr(), o, conf)); err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := a.pause(func() error { return a.streams.Lines(ln.Addr().String()) }); err != nil {
		return errors.Join(err, ln.Close())
	}
	return s.Serve(ctx, ln, conf, o.grace)
}

// noteOpen says what others than this host can do here.
func (a *app) noteOpen(addr net.Addr, o serveFlags, conf *tls.Config) error {
	tcp, ok := addr.(*net.TCPAddr)
	may := "pull"
	if o.writable {
		may = "pull and push"
	}
	switch {
	case ok && tcp.IP.IsLoopback():
		return nil
	case o.htpasswd == "":
		return a.note(fmt.Sprintf("whoever reaches %s may %s", addr, may), "--htpasswd FILE asks for a password")
	case conf == nil:
		return a.note(fmt.Sprintf("passwords come to %s unencrypted", addr), "--tls-cert and --tls-key encrypt them")
	}
	return nil
}

// A listenError says that the address cannot be had.
type listenError struct{ error }

func (e *listenError) Error() string { return "serving: " + e.error.Error() }

func (e *listenError) Unwrap() error { return e.error }

// Hint names the usual way out.
func (e *listenError) Hint() string {
	return "--addr 127.0.0.1:0 takes a port that is free, and prints it"
}
