package guard

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
)

// A Trust says what one registry, named by the user, may make its client do.
// It is safe for concurrent use.
type Trust struct {
	own   string
	allow []string

	mu    sync.Mutex
	class Class // the outermost address that the registry was reached at
}

// New returns the Trust in the registry at host, with or without a port. What
// is in allow, hosts with or without a port, may be sent to beyond the rules.
func New(host string, allow []string) *Trust {
	return &Trust{own: host, allow: allow, class: ClassifyHost(host)}
}

// An Error says what a registry wanted and may not.
type Error struct {
	Why  string // "redirected to 10.0.0.1: a private address, …"
	Host string // what --allow-host would have to name; empty where nothing helps
}

func (e *Error) Error() string { return e.Why }

// Hint says how to allow it.
func (e *Error) Hint() string {
	if e.Host == "" {
		return ""
	}
	return fmt.Sprintf("if you trust this registry with it: --allow-host %q", e.Host)
}

// Dial judges the address a that the host of u was resolved to.
func (t *Trust) Dial(u *url.URL, a netip.Addr) error {
	class := Classify(a)
	if t.isOwn(u) && class != Forbidden {
		return nil
	}
	return t.judge(u, class, a.String())
}

// Reached takes note that there is a connection to a, for u. A registry counts
// as far out as the outermost of its addresses that did answer: one that sends
// us somewhere has answered.
func (t *Trust) Reached(u *url.URL, a netip.Addr) {
	if t.isOwn(u) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.class = max(t.class, Classify(a))
	}
}

// Spelling judges the host of u as far as it can be told without resolving it:
// all there is to go by when a proxy resolves it.
func (t *Trust) Spelling(u *url.URL) error {
	class := ClassifyHost(u.Host)
	if class == Unknown || t.isOwn(u) && class != Forbidden {
		return nil
	}
	return t.judge(u, class, u.Hostname())
}

func (t *Trust) judge(u *url.URL, class Class, addr string) error {
	t.mu.Lock()
	own := t.class
	t.mu.Unlock()
	at := u.Hostname()
	if addr != at {
		at += " (" + addr + ")"
	}
	switch {
	case class == Forbidden:
		return &Error{Why: fmt.Sprintf("%s is a link-local, multicast or metadata address, which no registry may send to", at)}
	case class == Loopback && own != Loopback:
		return &Error{Why: fmt.Sprintf("%s is this machine, where only a registry on it may send to", at)}
	case class == Private && own != Loopback && own != Private && !t.allows(u):
		return &Error{Why: fmt.Sprintf("%s is a private address, where a public registry may not send to", at), Host: u.Host}
	}
	return nil
}

// Redirect judges a redirect, or an upload location, from one URL to another.
// Addresses are judged later, when they are known.
func (t *Trust) Redirect(from, to *url.URL) error {
	switch {
	case to.Scheme != "https" && to.Scheme != "http" || to.Host == "":
		return &Error{Why: fmt.Sprintf("sent to %.100q, which is no web address", to.Scheme+"://"+to.Host)}
	case from.Scheme == "https" && to.Scheme == "http":
		return &Error{Why: fmt.Sprintf("sent from https to plain http at %.300q", to.Host)}
	}
	return t.Spelling(to)
}

// Realm judges the token server that the registry at origin names.
func (t *Trust) Realm(origin, realm *url.URL) error {
	switch {
	case realm.Scheme != "https" && realm.Scheme != "http" || realm.Host == "":
		return &Error{Why: fmt.Sprintf("its token server %.100q is no web address", realm.Scheme+"://"+realm.Host)}
	case realm.Scheme == "http" && !SameOrigin(origin, realm) && !t.allows(realm):
		return &Error{Why: fmt.Sprintf("its token server %.300q is elsewhere and speaks plain http", realm.Host), Host: realm.Host}
	}
	return t.Spelling(realm)
}

// SameOrigin reports whether a and b agree in scheme, host and port.
func SameOrigin(a, b *url.URL) bool { return Origin(a) == Origin(b) }

// Origin returns scheme, host and port of u, lower case, a port that goes without saying left out.
func Origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

func (t *Trust) isOwn(u *url.URL) bool {
	return SameOrigin(u, &url.URL{Scheme: u.Scheme, Host: t.own})
}

func (t *Trust) allows(u *url.URL) bool { return Lists(t.allow, u.Host) }

// Lists reports whether host stands in hosts. An entry without a port stands for all ports.
func Lists(hosts []string, host string) bool {
	for _, h := range hosts {
		if strings.EqualFold(h, host) || strings.EqualFold(h, Hostname(host)) {
			return true
		}
	}
	return false
}
