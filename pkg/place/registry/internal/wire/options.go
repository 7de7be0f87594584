// Package wire is the one way by which bytes travel between dray and a registry:
// authentication, redirects, time limits, second tries, and what a registry may
// not do to its client, for every request alike.
//
// It speaks HTTP/1.1 only. Over HTTP/2 all the blobs of a registry share one
// connection, and links that are slow for each connection are common.
package wire

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
)

// Options of a [Client]. The zero value works: anonymous, the system's
// certificates, no proxy.
type Options struct {
	Credentials func(ctx context.Context, host, repository string) (auth.Credential, error)
	TLS         func(host string) (*tls.Config, error)
	Insecure    []string
	AllowHosts  []string
	Proxy       func(*http.Request) (*url.URL, error)
	Events      event.Handler
	UserAgent   string

	Retries       int           // tries after the first, without progress; 0 means 5, negative none
	StallTimeout  time.Duration // without a byte; 0 means 60 s
	HeaderTimeout time.Duration // for an answer to begin; 0 means 30 s, or StallTimeout if that is less
	PerHost       int           // contents read at once from one registry; 0 means any number

	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time
}

func (o *Options) setDefaults() {
	if o.Credentials == nil {
		o.Credentials = func(context.Context, string, string) (auth.Credential, error) { return auth.Credential{}, nil }
	}
	if o.TLS == nil {
		o.TLS = func(string) (*tls.Config, error) { return &tls.Config{MinVersion: tls.VersionTLS12}, nil }
	}
	if o.UserAgent == "" {
		o.UserAgent = "dray"
	}
	if o.Retries == 0 {
		o.Retries = 5
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = 60 * time.Second
	}
	if o.HeaderTimeout <= 0 {
		o.HeaderTimeout = min(30*time.Second, o.StallTimeout)
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
