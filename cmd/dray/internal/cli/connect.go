package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/config"
	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place/registry"
	"github.com/dray-oci/dray/pkg/ref"
)

// registries is the configuration of registries: credentials, mirrors, certificates.
func (a *app) registries() (*config.Config, error) {
	if a.config != nil {
		return a.config, nil
	}
	events, err := a.events()
	if err != nil {
		return nil, err
	}
	o := config.FromEnviron(a.env.Getenv, a.userHome())
	o.AuthFile = cmp.Or(a.o.authFile, o.AuthFile)
	o.CAFile = cmp.Or(a.o.caFile, o.CAFile)
	o.CertDir = cmp.Or(a.o.certDir, o.CertDir)
	o.Insecure = a.o.insecure
	o.Warn = func(err error) { events.Emit(event.Event{Kind: event.Warn, Err: err, Hint: ui.Hint(err)}) }
	if o.Given, err = a.given(); err != nil {
		return nil, err
	}
	if err := a.proxies(); err != nil {
		return nil, err
	}
	a.config = config.New(o)
	return a.config, nil
}

// proxies refuses an environment that names a proxy in a way that net/http passes over
// in silence: what was to go through it would go past it. The value may hold a password.
func (a *app) proxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := a.env.Getenv(name)
		if value == "" {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		if u, err := url.Parse(value); err != nil || u.Host == "" {
			return &usageError{&hintedError{fmt.Errorf("reading %s: it is no address of a proxy", name), "write http://HOST:PORT, or unset it"}}
		}
	}
	return nil
}

// given is what --username and --password-stdin say, for the one registry that
// the command names: see [app.forHosts].
func (a *app) given() ([]config.Credential, error) {
	if a.o.username == "" && !a.o.passwordStdin {
		return nil, nil
	}
	if a.o.username == "" || !a.o.passwordStdin {
		return nil, &usageError{errors.New("--username and --password-stdin go together")}
	}
	if len(a.hosts) != 1 {
		return nil, &usageError{fmt.Errorf("--username is for one registry, this command names %d", len(a.hosts))}
	}
	password, err := a.streams.ReadPasswordStdin()
	if err != nil {
		return nil, err
	}
	return []config.Credential{{Key: a.hosts[0], Username: a.o.username, Password: config.NewSecret(password)}}, nil
}

// registry is the client of registries.
func (a *app) registry() (*registry.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	conf, err := a.registries()
	if err != nil {
		return nil, err
	}
	events, err := a.events()
	if err != nil {
		return nil, err
	}
	var seen, uploads *memo.Memo
	if home, err := a.home(); err == nil { // without one, nothing is remembered
		seen = memo.New(filepath.Join(home, "memory", "seen"))
		uploads = memo.New(filepath.Join(home, "memory", "uploads"))
	}
	a.client = registry.NewClient(registry.Options{
		Credentials: func(ctx context.Context, host, repository string) (registry.Credential, error) {
			c, err := conf.Credential(ctx, host, repository)
			return credential(c), err
		},
		TLS: conf.TLS,
		Endpoints: func(_ context.Context, n ref.Name) (registry.Endpoints, error) {
			return endpoints(conf, n)
		},
		Insecure:     a.o.insecure,
		AllowHosts:   a.o.allowHosts,
		Proxy:        http.ProxyFromEnvironment,
		Events:       events,
		Seen:         seen,
		Uploads:      uploads,
		Retries:      cmp.Or(int(a.o.retries), -1), // to the client 0 means the default
		StallTimeout: time.Duration(a.o.stallTimeout),
		UserAgent:    "dray/" + a.env.Version.orDefault(),
	})
	return a.client, nil
}

// credential is c as the client of registries takes it.
func credential(c config.Credential) registry.Credential {
	return registry.Credential{
		Username: c.Username, Password: c.Password.Reveal(),
		IdentityToken: c.IdentityToken.Reveal(), RegistryToken: c.RegistryToken.Reveal(),
	}
}

// endpoints are what registries.conf says of n, as the client of registries takes it.
func endpoints(conf *config.Config, n ref.Name) (registry.Endpoints, error) {
	reads, err := conf.Endpoints(n.Host, n.Repository)
	if err != nil {
		return registry.Endpoints{}, err
	}
	direct, err := conf.Direct(n.Host, n.Repository)
	if err != nil {
		return registry.Endpoints{}, err
	}
	e := registry.Endpoints{Write: endpoint(direct)}
	for _, r := range reads {
		if !r.Mirror || r.Pull.Allows(n.Digest != "") {
			e.Read = append(e.Read, endpoint(r))
		}
	}
	return e, nil
}

func endpoint(e config.Endpoint) registry.Endpoint {
	return registry.Endpoint{Host: e.Host, Repository: e.Repository, Insecure: e.Insecure}
}
