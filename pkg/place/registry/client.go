package registry

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/memo"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
	"github.com/dray-oci/dray/pkg/ref"
)

// A Credential is what to show a registry. The zero Credential is anonymous.
// Printing one shows no secret.
type Credential = auth.Credential

// Options of a [Client]. The zero value works: anonymous, no mirrors, the
// system's certificates, no proxy. All functions are called from many goroutines.
type Options struct {
	// Credentials returns what to show for a repository of a host (the Hub is
	// docker.io; an empty repository asks for the host alone). It is asked once for
	// each, and only when the server demands something. After an error, which is
	// told as event.Warn, the work goes on without.
	Credentials func(ctx context.Context, host, repository string) (Credential, error)
	// TLS returns how to speak TLS with a host, which may also be a token server
	// or a store that a registry sends to. It may have a port.
	TLS func(host string) (*tls.Config, error)
	// Insecure hosts need no valid certificate, and may be spoken to in plain HTTP;
	// so may those for which TLS verifies none.
	// AllowHosts are those that public registries may send to though they are
	// private, and that may be token servers in plain HTTP. Without a port, all.
	Insecure, AllowHosts []string
	// Endpoints says where a repository is read and written; nil: where its name says.
	Endpoints func(ctx context.Context, name ref.Name) (Endpoints, error)
	// Proxy is as in http.Transport; nil: none.
	Proxy func(*http.Request) (*url.URL, error)
	// Events is told of requests, second tries, and mirrors that do not answer.
	Events event.Handler
	// UserAgent is empty for "dray".
	UserAgent string

	// Seen remembers which repository has what, for mounts; nil: nobody does. Close saves it.
	Seen *memo.Memo
	// Uploads remembers where interrupted uploads go on, for a later run; nil: nobody
	// does. It may hold what registries put into locations, but no token and no
	// password. Saved as uploads begin, and by Close.
	Uploads *memo.Memo

	Retries      int           // tries after the first, without progress between; 0: 5; negative: none
	StallTimeout time.Duration // without a byte; 0: 60 s
	PerHost      int           // contents read at once from one host; 0: any number

	// Sleep and Now are the clock; nil: the real one.
	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time
}

// Endpoints are the hosts that serve one repository.
type Endpoints struct {
	Read  []Endpoint // in the order in which they are tried: mirrors, then the registry
	Write Endpoint
}

// An Endpoint is a host and what the repository is called there.
type Endpoint struct {
	Host       string
	Repository string
	Insecure   bool // as if Host stood in Options.Insecure
}

// A Client talks to registries: one for a run, shared by all its repositories. It
// holds connections, tokens, and what it has learnt about hosts. It is safe for
// concurrent use.
type Client struct {
	o    Options
	wire *wire.Client

	mu      sync.Mutex
	hosts   map[*wire.Host]*host
	remotes map[remoteKey]*remote
}

// host is what has been learnt about one host.
type host struct {
	*wire.Host
	seen       *memo.Memo
	uploads    *memo.Memo
	chunkBytes atomic.Int64 // the most that one upload request may carry; 0: no limit known
	noSingle   atomic.Bool  // does not take a small blob with the request that begins its upload
	referrers  atomic.Int32 // whether it has the referrers API: 0 unknown, 1 yes, 2 no
	subjects   sync.Mutex   // held while a referrers tag is rewritten
}

// NewClient returns a Client. It opens nothing.
func NewClient(o Options) *Client {
	return &Client{o: o, wire: wire.New(o.wire()), hosts: map[*wire.Host]*host{}, remotes: map[remoteKey]*remote{}}
}

func (o Options) wire() wire.Options {
	return wire.Options{
		Credentials: o.Credentials, TLS: o.TLS, Insecure: o.Insecure, AllowHosts: o.AllowHosts,
		Proxy: o.Proxy, Events: o.Events, UserAgent: o.UserAgent, Retries: o.Retries,
		StallTimeout: o.StallTimeout, PerHost: o.PerHost, Sleep: o.Sleep, Now: o.Now,
	}
}

// Close closes the connections. Repos and readers must be closed before.
func (c *Client) Close() error {
	c.wire.Close()
	_, _ = c.o.Seen.Save(), c.o.Uploads.Save() // what is not remembered is sent
	return nil
}

func (c *Client) host(name string, insecure bool) *host {
	w := c.wire.Host(name, insecure)
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.hosts[w]
	if !ok {
		h = &host{Host: w, seen: c.o.Seen, uploads: c.o.Uploads}
		c.hosts[w] = h
	}
	return h
}
