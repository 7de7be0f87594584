package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/dray-oci/dray/pkg/place"
)

// An endpoint is where an engine listens.
type endpoint struct {
	text   string // as it was given, without a password
	scheme string // of requests
	host   string // of requests
	local  string // the path, for a socket or pipe
	dial   func(ctx context.Context) (net.Conn, error)
}

func (e *endpoint) String() string { return e.text }

// newEndpoint reads host, one of those that [Options].Host may hold.
func newEndpoint(host string, tlsConfig *tls.Config, ssh []string) (*endpoint, error) {
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok || rest == "" {
		return nil, fmt.Errorf("%.200q is no address of an engine", redacted(host))
	}
	// Requests need some host even where the connection needs none.
	e := &endpoint{text: host, scheme: "http", host: "docker"}
	switch scheme {
	case "unix":
		e.local = rest
		e.dial = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", rest) }
	case "npipe":
		e.local = strings.ReplaceAll(rest, "/", `\`)
		e.dial = func(ctx context.Context) (net.Conn, error) { return dialPipe(ctx, e.local) }
	case "tcp", "http", "https":
		return tcpEndpoint(host, tlsConfig)
	case "ssh":
		return sshEndpoint(host, ssh)
	default:
		return nil, fmt.Errorf("%.200q: %.200q is no way to reach an engine", redacted(host), redacted(scheme))
	}
	return e, nil
}

// tcpEndpoint knows the ports 2375, and 2376 for TLS, where none is given.
func tcpEndpoint(host string, tlsConfig *tls.Config) (*endpoint, error) {
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("%.200q is no address of an engine", redacted(host))
	}
	if u.Scheme == "https" && tlsConfig == nil {
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	port := u.Port()
	if port == "" {
		port = "2375"
		if tlsConfig != nil {
			port = "2376"
		}
	}
	addr := net.JoinHostPort(u.Hostname(), port)
	e := &endpoint{text: redacted(host), scheme: "http", host: addr}
	// TLS is made here, not by net/http: the request stays "http" either way.
	e.dial = func(ctx context.Context) (net.Conn, error) {
		if tlsConfig == nil {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
		return (&tls.Dialer{Config: tlsConfig}).DialContext(ctx, "tcp", addr)
	}
	return e, nil
}

// redacted returns host without what stands before its last @: a password, also
// one that makes it no URL, and the name, which may be a token.
func redacted(host string) string {
	i := strings.LastIndexByte(host, '@')
	if i < 0 {
		return host
	}
	scheme, _, ok := strings.Cut(host[:i], "://")
	if !ok || strings.ContainsAny(scheme, ":@") {
		return "xxxxx" + host[i:]
	}
	return scheme + "://xxxxx" + host[i:]
}

// explain says what a failed connection means and what to do about it.
func (e *endpoint) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &adviceError{
			fmt.Errorf("%w: %w", place.ErrDenied, err),
			"add this user to the group docker, or keep the image without an engine: store:NAME",
		}
	case e.local != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)):
		return &adviceError{
			fmt.Errorf("%w: %w", place.ErrUnavailable, err),
			"start docker, say with DOCKER_HOST where it listens, or keep the image without an engine: store:NAME",
		}
	}
	return fmt.Errorf("%w: %w", place.ErrUnavailable, err)
}

// adviceError is an error with a next step.
type adviceError struct {
	error
	hint string
}

func (e *adviceError) Unwrap() error { return e.error }

// Hint is the next step.
func (e *adviceError) Hint() string { return e.hint }
