package guard

import (
	"net/netip"
	"net/url"
	"testing"
)

func TestClassify(t *testing.T) {
	for addr, want := range map[string]Class{
		"127.0.0.1":            Loopback,
		"127.9.9.9":            Loopback,
		"::1":                  Loopback,
		"0.0.0.0":              Loopback,
		"::":                   Loopback,
		"::ffff:127.0.0.1":     Loopback,
		"10.1.2.3":             Private,
		"172.31.255.255":       Private,
		"192.168.0.1":          Private,
		"100.64.0.1":           Private,
		"fd12:3456::1":         Private,
		"172.32.0.1":           Public,
		"8.8.8.8":              Public,
		"2606:4700::1111":      Public,
		"169.254.169.254":      Forbidden,
		"::ffff:169.254.10.10": Forbidden,
		"fe80::1%eth0":         Forbidden,
		"fd00:ec2::254":        Forbidden,
		"100.100.100.200":      Forbidden,
		"168.63.129.16":        Forbidden,
		"224.0.0.1":            Forbidden,
		"255.255.255.255":      Forbidden,
		"64:ff9b::a9fe:a9fe":   Forbidden, // 169.254.169.254 through NAT64
		"64:ff9b::7f00:1":      Loopback,
		"64:ff9b::808:808":     Public,
		"2002:a00:1::":         Private, // 10.0.0.1 through 6to4
	} {
		if got := Classify(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %v, want %v", addr, got, want)
		}
	}
}

func TestClassifyHost(t *testing.T) {
	for host, want := range map[string]Class{
		"localhost:5000":          Loopback,
		"LOCALHOST.":              Loopback,
		"a.localhost":             Loopback,
		"[::1]:5000":              Loopback,
		"127.0.0.1":               Loopback,
		"10.0.0.1:80":             Private,
		"[fe80::1]":               Forbidden,
		"registry.example":        Unknown,
		"localhost.example:5000":  Unknown,
		"notlocalhost":            Unknown,
		"metadata.example:169254": Unknown,
	} {
		if got := ClassifyHost(host); got != want {
			t.Errorf("%s is %v, want %v", host, got, want)
		}
	}
}

// registryAt returns the Trust in a registry that was reached at addrs.
func registryAt(t *testing.T, allow []string, addrs ...string) *Trust {
	t.Helper()
	tr := New("reg.example", allow)
	for _, a := range addrs {
		if err := tr.Dial(parse(t, "https://reg.example"), netip.MustParseAddr(a)); err != nil {
			t.Fatal(err)
		}
		tr.Reached(parse(t, "https://reg.example"), netip.MustParseAddr(a))
	}
	return tr
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestDial(t *testing.T) {
	for name, c := range map[string]struct {
		registry []string // where it was reached
		allow    []string
		addr     string // of cdn.example
		ok       bool
	}{
		"public to public":                       {registry: []string{"8.8.8.8"}, addr: "9.9.9.9", ok: true},
		"public to private":                      {registry: []string{"8.8.8.8"}, addr: "10.0.0.1"},
		"public to private, allowed":             {registry: []string{"8.8.8.8"}, allow: []string{"cdn.example"}, addr: "10.0.0.1", ok: true},
		"public to private, another allowed":     {registry: []string{"8.8.8.8"}, allow: []string{"x.example"}, addr: "10.0.0.1"},
		"public to loopback":                     {registry: []string{"8.8.8.8"}, addr: "127.0.0.1"},
		"public to loopback, allowed":            {registry: []string{"8.8.8.8"}, allow: []string{"cdn.example"}, addr: "127.0.0.1"},
		"private to private":                     {registry: []string{"10.0.0.5"}, addr: "192.168.1.1", ok: true},
		"private to public":                      {registry: []string{"10.0.0.5"}, addr: "9.9.9.9", ok: true},
		"private to loopback":                    {registry: []string{"10.0.0.5"}, addr: "127.0.0.1"},
		"loopback to loopback":                   {registry: []string{"127.0.0.1"}, addr: "127.0.0.2", ok: true},
		"loopback to private":                    {registry: []string{"::1"}, addr: "10.0.0.1", ok: true},
		"loopback to metadata":                   {registry: []string{"127.0.0.1"}, addr: "169.254.169.254"},
		"to metadata, allowed":                   {registry: []string{"127.0.0.1"}, allow: []string{"cdn.example"}, addr: "169.254.169.254"},
		"once public is not private later":       {registry: []string{"8.8.8.8", "10.0.0.5"}, addr: "10.0.0.1"},
		"a private name that turns out public":   {registry: []string{"10.0.0.5", "8.8.8.8"}, addr: "10.0.0.1"},
		"never reached by us, as behind a proxy": {addr: "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := registryAt(t, c.allow, c.registry...)
			err := tr.Dial(parse(t, "https://cdn.example/x"), netip.MustParseAddr(c.addr))
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDialRegistryItself(t *testing.T) {
	tr := New("reg.example:5000", nil)
	own, other := parse(t, "http://reg.example:5000/v2/"), parse(t, "http://reg.example:6379/")
	if err := tr.Dial(own, netip.MustParseAddr("169.254.0.7")); err == nil {
		t.Error("a registry on a link-local address is reached")
	}
	if err := tr.Dial(own, netip.MustParseAddr("8.8.8.8")); err != nil {
		t.Error(err)
	}
	tr.Reached(own, netip.MustParseAddr("8.8.8.8"))
	tr.Reached(other, netip.MustParseAddr("127.0.0.1"))
	if err := tr.Dial(other, netip.MustParseAddr("10.0.0.1")); err == nil {
		t.Error("another port of the registry's name counts as the registry")
	}
}

func TestRedirect(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		ok       bool
	}{
		"https to https":       {"https://reg.example", "https://cdn.example/x", true},
		"http to https":        {"http://reg.example", "https://cdn.example/x", true},
		"http to http":         {"http://reg.example", "http://cdn.example/x", true},
		"https to http":        {"https://reg.example", "http://reg.example/x", false},
		"to a file":            {"https://reg.example", "file:///etc/passwd", false},
		"to nothing":           {"https://reg.example", "https:///x", false},
		"to a metadata server": {"http://reg.example", "http://169.254.169.254/latest", false},
		"to this machine":      {"http://reg.example", "http://localhost:8080/", false},
	} {
		err := registryAt(t, nil, "10.0.0.1").Redirect(parse(t, c.from), parse(t, c.to))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRealm(t *testing.T) {
	origin := "http://reg.example:5000"
	for name, c := range map[string]struct {
		realm string
		allow []string
		ok    bool
	}{
		"same origin":             {realm: origin + "/token", ok: true},
		"https elsewhere":         {realm: "https://auth.example/token", ok: true},
		"http elsewhere":          {realm: "http://auth.example/token"},
		"http elsewhere, allowed": {realm: "http://auth.example/token", allow: []string{"auth.example"}, ok: true},
		"http on another port":    {realm: "http://reg.example:5001/token"},
		"allowed by port":         {realm: "http://reg.example:5001/token", allow: []string{"reg.example:5001"}, ok: true},
		"no address":              {realm: "/token"},
		"a metadata server":       {realm: "https://169.254.169.254/token", allow: []string{"169.254.169.254"}},
	} {
		err := registryAt(t, c.allow, "10.0.0.1").Realm(parse(t, origin), parse(t, c.realm))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://a", "https://a:443/x", true},
		{"http://a:80", "http://A/x", true},
		{"https://a", "http://a", false},
		{"https://a:5000", "https://a:5001", false},
		{"https://a:80", "https://a", false},
		{"https://a", "https://a.example", false},
	} {
		if got := SameOrigin(parse(t, c.a), parse(t, c.b)); got != c.same {
			t.Errorf("SameOrigin(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestHint(t *testing.T) {
	err := registryAt(t, nil, "8.8.8.8").Dial(parse(t, "https://cdn.example:8443/x"), netip.MustParseAddr("10.0.0.1"))
	hinter, ok := err.(interface{ Hint() string })
	if want := `if you trust this registry with it: --allow-host "cdn.example:8443"`; !ok || hinter.Hint() != want {
		t.Errorf("%v has no hint %s", err, want)
	}
}
