package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/dray-oci/dray/pkg/place/registry/internal/guard"
)

// Bounds of a connection.
const (
	maxHeaderBytes = 1 << 20
	maxPeers       = 32 // a registry that spreads over more has the first ones forgotten
	idleConns      = 64 // kept for each peer, more than anyone has jobs
	bufferBytes    = 32 << 10
)

// A peer is one origin (scheme, host, port) that a Host talks to. Connections
// are not shared between hosts, because what they may reach differs.
type peer struct {
	*http.Transport
}

func (h *Host) peer(u *url.URL) (*peer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := guard.Origin(u)
	if p, ok := h.peers[key]; ok {
		return p, nil
	}
	p, err := h.newPeer(u)
	if err != nil {
		return nil, err
	}
	if len(h.peers) >= maxPeers {
		for k, old := range h.peers {
			old.CloseIdleConnections()
			delete(h.peers, k)
		}
	}
	h.peers[key] = p
	return p, nil
}

func (h *Host) newPeer(u *url.URL) (*peer, error) {
	t := &http.Transport{
		Protocols:              new(http.Protocols),
		DisableCompression:     true, // blobs are named by the digest of what is sent
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    idleConns,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		ReadBufferSize:         bufferBytes,
		WriteBufferSize:        bufferBytes,
	}
	t.Protocols.SetHTTP1(true)
	if err := h.setTLS(t, u); err != nil {
		return nil, err
	}
	proxy, err := h.proxy(u)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: h.o.HeaderTimeout, KeepAlive: 30 * time.Second}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy) // the user's choice, wherever it lies
		t.DialContext = dialer.DialContext
		return &peer{t}, nil
	}
	dialer.ControlContext = h.control(u)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			if ap, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
				h.trust.Reached(u, ap.Addr())
			}
		}
		if tcp, ok := conn.(*net.TCPConn); ok && u.Scheme == "http" {
			return plainConn{tcp}, err
		}
		return conn, err
	}
	return &peer{t}, nil
}

func (h *Host) setTLS(t *http.Transport, u *url.URL) error {
	if u.Scheme != "https" {
		return nil
	}
	name, insecure := u.Host, guard.Lists(h.o.Insecure, u.Host)
	if u.Host == address(h.name) {
		name, insecure = h.name, h.insecure
	}
	cfg, err := h.tlsConfig(name)
	if err != nil {
		return err
	}
	cfg.InsecureSkipVerify = cfg.InsecureSkipVerify || insecure
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(idleConns)
	}
	t.TLSClientConfig = cfg
	return nil
}

// tlsConfig returns a copy of what the options say.
func (h *Host) tlsConfig(name string) (*tls.Config, error) {
	cfg, err := h.o.TLS(name)
	if err != nil {
		return nil, fmt.Errorf("configuring TLS for %q: %w", name, err)
	}
	return cfg.Clone(), nil
}

func (h *Host) proxy(u *url.URL) (*url.URL, error) {
	if h.o.Proxy == nil {
		return nil, nil
	}
	proxy, err := h.o.Proxy(&http.Request{Method: http.MethodGet, URL: u, Host: u.Host})
	if err != nil {
		return nil, fmt.Errorf("finding the proxy for %q: %w", u.Host, err)
	}
	return proxy, nil
}

// control judges every address a connection is made to, after the name was
// resolved and before a byte is sent.
func (h *Host) control(u *url.URL) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return h.trust.Dial(u, ap.Addr())
	}
}
