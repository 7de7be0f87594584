package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
)

func basicCred(context.Context, string, string) (auth.Credential, error) {
	return auth.Credential{Username: "u", Password: "secret"}, nil
}

// protected wants a password before it serves h.
func protected(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}

// TestRedirectKeepsCredentialsAtHome: to another port they do not go along, nor
// back again from there; within the origin they stay.
func TestRedirectKeepsCredentialsAtHome(t *testing.T) {
	var elsewhere []string
	var home *httptest.Server
	store := server(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home.URL+"/open", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "from the store, range "+r.Header.Get("Range"))
	})
	var open []string
	home = server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/open" {
			open = append(open, r.Header.Get("Authorization"))
			return
		}
		protected(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/away":
				http.Redirect(w, r, store.URL+"/x?signature=s", http.StatusTemporaryRedirect)
			case "/away-and-back":
				http.Redirect(w, r, store.URL+"/back", http.StatusTemporaryRedirect)
			case "/within":
				http.Redirect(w, r, "/here", http.StatusMovedPermanently)
			case "/here":
				_, _ = io.WriteString(w, "here")
			}
		})(w, r)
	})
	h := host(t, home, Options{Credentials: basicCred})
	want(t, h, get("/within"), "here")
	away := get("/away")
	away.Header = http.Header{"Range": {"bytes=0-9"}}
	want(t, h, away, "from the store, range bytes=0-9")
	want(t, h, get("/away-and-back"), "")
	if strings.Join(elsewhere, "") != "" || strings.Join(open, "") != "" {
		t.Errorf("credentials were shown: %q %q", elsewhere, open)
	}
}

func TestRedirectOfAnUpload(t *testing.T) {
	for code, ok := range map[int]bool{http.StatusTemporaryRedirect: true, http.StatusPermanentRedirect: true, http.StatusFound: false, http.StatusSeeOther: false} {
		var got string
		store := server(t, func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = fmt.Sprint(r.Method, len(b), r.Header.Get("Authorization"))
		})
		s := server(t, protected(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, store.URL, code) }))
		h := host(t, s, Options{Credentials: basicCred})
		for _, size := range []int{100, 2 * expectBytes} {
			got = ""
			_, err := read(t, h, sending(http.MethodPatch, "/upload", make([]byte, size)))
			if wanted := fmt.Sprint("PATCH", size); ok && (err != nil || got != wanted) || !ok && (err == nil || got != "") {
				t.Errorf("%d: %q, %v", code, got, err)
			}
		}
	}
}

func TestRedirectsThatAreRefused(t *testing.T) {
	for name, to := range map[string]string{
		"a loop":            "/loop",
		"to metadata":       "http://169.254.169.254/latest/meta-data",
		"to metadata by v6": "http://[fd00:ec2::254]/latest",
		"to a file":         "file:///etc/passwd",
		"to no URL":         "http://[::1",
		"to nowhere":        "",
	} {
		hops := 0
		s := server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			hops++
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
		fails(t, host(t, s, Options{}), get("/loop"), place.ErrDenied)
		if hops > maxHops+1 {
			t.Errorf("%s: %d hops", name, hops)
		}
	}
}

func TestRedirectFromTLSToPlain(t *testing.T) {
	plain := server(t, body("plain"))
	s := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(s.Close)
	h := host(t, s, Options{Insecure: []string{hostOf(s)}})
	err := fails(t, h, get("/x"), place.ErrDenied)
	if !strings.Contains(err.Error(), "from https to plain http") {
		t.Error(err)
	}
}

// TestProxyAndLiteralAddresses: what a proxy resolves we cannot judge, but what
// is spelled out we can. The registry behind it counts as public.
func TestProxyAndLiteralAddresses(t *testing.T) {
	secret := server(t, body("secret"))
	to := secret.URL
	proxy := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "registry.example" {
			t.Errorf("the proxy was asked for %s", r.URL)
		}
		if r.URL.Path == "/x" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	proxyURL := mustParse(t, proxy.URL)
	c := New(Options{
		Insecure: []string{"registry.example"}, Retries: -1,
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() != "registry.example" {
				return nil, nil
			}
			if r.URL.Scheme == "https" {
				return mustParse(t, "http://127.0.0.1:1"), nil // nothing answers there
			}
			return proxyURL, nil
		},
	})
	t.Cleanup(c.Close)
	h := c.Host("registry.example", false)
	want(t, h, get("/ok"), "")
	for _, location := range []string{secret.URL, "http://10.0.0.1/", "http://localhost:1/"} {
		to = location
		fails(t, h, get("/x"), place.ErrDenied)
	}
}

// TestPlainWhereNothingIsVerified: where the options verify no certificate,
// plain http is tried, and elsewhere not.
func TestPlainWhereNothingIsVerified(t *testing.T) {
	proxyURL := mustParse(t, server(t, body("plain")).URL)
	for _, skip := range []bool{true, false} {
		c := New(Options{
			Retries: -1,
			TLS:     func(string) (*tls.Config, error) { return &tls.Config{InsecureSkipVerify: skip}, nil },
			Proxy: func(r *http.Request) (*url.URL, error) {
				if r.URL.Scheme == "https" {
					return mustParse(t, "http://127.0.0.1:1"), nil // nothing answers there
				}
				return proxyURL, nil
			},
		})
		t.Cleanup(c.Close)
		if got, err := read(t, c.Host("registry.example", false), get("/x")); (err == nil) != skip {
			t.Errorf("%v: %q, %v", skip, got, err)
		}
	}
}

func TestLocate(t *testing.T) {
	for name, c := range map[string]struct{ from, location, want string }{
		"relative":              {"https://r.example/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?_state=x%2Fy", "https://r.example/v2/a/blobs/uploads/1?_state=x%2Fy"},
		"absolute":              {"https://r.example/v2/", "https://store.example/1", "https://store.example/1"},
		"a proxy that ends TLS": {"https://r.example/v2/", "http://r.example/v2/1", "https://r.example/v2/1"},
		"with a password in it": {"https://r.example/v2/", "https://u:p@r.example/v2/1", "https://r.example/v2/1"},
		"elsewhere in plain":    {"https://r.example/v2/", "http://store.example/1", ""},
		"this machine":          {"https://r.example/v2/", "https://127.0.0.1/1", ""},
		"nothing":               {"https://r.example/v2/", "", ""},
	} {
		h := NewHost(Options{}, "r.example")
		u, err := h.Locate(&http.Response{Request: &http.Request{URL: mustParse(t, c.from)}}, c.location)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: %s", name, u)
			}
			continue
		}
		if err != nil || u.String() != c.want {
			t.Errorf("%s: %v, %v, want %s", name, u, err, c.want)
		}
	}
}
