package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
)

// A Host is one registry, with the token servers and stores that it sends to.
// It is safe for concurrent use.
type Host struct {
	o        Options
	name     string
	insecure bool
	trust    *guard.Trust
	auth     *auth.Authority
	answered atomic.Bool   // something has come back at least once
	reading  chan struct{} // a place for each content that is read; nil without a limit

	deciding chan struct{} // holds one token: who has it may decide
	base     atomic.Pointer[url.URL]

	mu    sync.Mutex
	peers map[string]*peer
}

func newHost(o Options, name string, insecure bool) *Host {
	h := &Host{
		o: o, name: name, insecure: insecure || guard.Lists(o.Insecure, name),
		trust:    guard.New(address(name), o.AllowHosts),
		deciding: make(chan struct{}, 1), peers: map[string]*peer{},
	}
	if o.PerHost > 0 {
		h.reading = make(chan struct{}, o.PerHost)
	}
	h.auth = auth.New(auth.Options{Credential: h.credential, Fetch: h.fetchToken, Now: o.Now})
	return h
}

// NewHost returns a Host that shares nothing with any other.
func NewHost(o Options, name string) *Host {
	o.setDefaults()
	return newHost(o, name, false)
}

// Name returns the name the host was opened with.
func (h *Host) Name() string { return h.name }

// Close closes the connections that nobody uses.
func (h *Host) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.peers {
		p.CloseIdleConnections()
	}
}

// address returns where the registry of that name answers: the Hub has its own.
func address(name string) string {
	if name == "docker.io" {
		return "registry-1.docker.io"
	}
	return name
}

// credential asks for one, and goes on without if that fails: a public image needs none.
func (h *Host) credential(ctx context.Context, repository string) (auth.Credential, error) {
	c, err := h.o.Credentials(ctx, h.name, repository)
	if err == nil {
		return c, nil
	}
	if ctx.Err() != nil {
		return auth.Credential{}, context.Cause(ctx)
	}
	h.o.Events.Emit(event.Event{Kind: event.Warn, Name: h.name, Err: err})
	return auth.Credential{}, nil
}

// origin returns the base URL of the registry. Only where plain HTTP may be
// spoken does it have to ask, once: a registry on this machine, or an insecure one.
func (h *Host) origin(ctx context.Context) (*url.URL, error) {
	if u := h.base.Load(); u != nil {
		return u, nil
	}
	secure := &url.URL{Scheme: "https", Host: address(h.name)}
	if may, err := h.mayBePlain(); err != nil {
		return nil, err
	} else if !may {
		h.base.Store(secure)
		return secure, nil
	}
	select {
	case h.deciding <- struct{}{}:
		defer func() { <-h.deciding }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if u := h.base.Load(); u != nil {
		return u, nil
	}
	u, err := h.decide(ctx, secure)
	if err == nil {
		h.base.Store(u)
	}
	return u, err
}

// mayBePlain reports whether plain HTTP may be tried: where nobody could listen
// in between, and where a certificate proves nothing anyway.
func (h *Host) mayBePlain() (bool, error) {
	if h.insecure || guard.ClassifyHost(h.name) == guard.Loopback {
		return true, nil
	}
	cfg, err := h.tlsConfig(h.name)
	if err != nil {
		return false, err
	}
	return cfg.InsecureSkipVerify, nil
}

// decide tries https, then http. Any answer decides.
func (h *Host) decide(ctx context.Context, secure *url.URL) (*url.URL, error) {
	err := h.ping(ctx, secure)
	if err == nil {
		return secure, nil
	}
	if ctx.Err() != nil || speaksTLS(err) {
		return nil, err
	}
	plain := &url.URL{Scheme: "http", Host: secure.Host}
	plainErr := h.ping(ctx, plain)
	switch {
	case plainErr == nil:
		return plain, nil
	case errors.Is(err, http.ErrSchemeMismatch):
		return nil, plainErr
	}
	return nil, err
}

func (h *Host) ping(ctx context.Context, base *url.URL) error {
	u := *base
	u.Path = "/v2/"
	resp, err := h.send(ctx, &Request{Method: http.MethodGet}, &u, http.Header{})
	if err != nil {
		return err
	}
	_ = finish(resp) // any answer will do, also one that breaks off
	return nil
}

// speaksTLS reports whether err shows that TLS was spoken, or that the address
// may not be used: plain HTTP would be no better.
func speaksTLS(err error) bool {
	var (
		certErr *tls.CertificateVerificationError
		alert   tls.AlertError
		invalid x509.CertificateInvalidError
		refused *guard.Error
	)
	return errors.As(err, &certErr) || errors.As(err, &alert) || errors.As(err, &invalid) || errors.As(err, &refused)
}

// finish reads what little is left of an answer so that its connection can be
// used again, and closes it.
func finish(resp *http.Response) error {
	hurry(resp)
	_, err := io.CopyN(io.Discard, resp.Body, maxErrorBytes)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, resp.Body.Close())
}
