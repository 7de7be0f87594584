package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// authority is a CA made for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	a := &authority{}
	a.pem, _ = a.issue(t, "ca", func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return a
}

// issue signs a certificate; the first one signs itself and becomes the authority's.
func (a *authority) issue(t *testing.T, name string, change func(*x509.Certificate)) (certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(cert)
	}
	if a.cert == nil {
		a.cert, a.key = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// server speaks TLS with a certificate of ca; if clients is set, only to clients of that.
func server(t *testing.T, ca, clients *authority) (host string) {
	t.Helper()
	certPEM, keyPEM := ca.issue(t, "server", nil)
	pair, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			_, _ = io.WriteString(w, certs[0].Subject.CommonName)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients != nil {
		s.TLS.ClientCAs = x509.NewCertPool()
		s.TLS.ClientCAs.AppendCertsFromPEM([]byte(clients.pem))
		s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// get returns who the server says we are.
func get(t *testing.T, c *Config, host string) (string, error) {
	t.Helper()
	cfg, err := c.TLS(host)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{TLSClientConfig: cfg}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get("https://" + host)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestTLS(t *testing.T) {
	ca, clients := newAuthority(t), newAuthority(t)
	plain, mutual := server(t, ca, nil), server(t, ca, clients)
	cert, key := clients.issue(t, "client", nil)
	withPair := func(dir string) map[string]string {
		return map[string]string{dir + "/ca.crt": ca.pem, dir + "/client.cert": cert, dir + "/client.key": key}
	}
	for _, tt := range []struct {
		name   string
		host   string
		files  map[string]string
		change func(o *Options, home string)
		fails  string
		who    string
	}{
		{"unknown authority", plain, nil, nil, "unknown authority", ""},
		{"containers, user", plain, map[string]string{".config/containers/certs.d/" + folder(plain) + "/my.crt": ca.pem}, nil, "", ""},
		{"docker, rootless", plain, map[string]string{".config/docker/certs.d/" + folder(plain) + "/my.crt": ca.pem}, nil, "", ""},
		{"docker, desktop", plain, map[string]string{".docker/certs.d/" + folder(plain) + "/my.crt": ca.pem}, nil, "", ""},
		{"containers, system", plain, map[string]string{"etc/containers/certs.d/" + folder(plain) + "/my.crt": ca.pem}, nil, "", ""},
		{"docker, system", plain, map[string]string{"etc/docker/certs.d/" + folder(plain) + "/my.crt": ca.pem}, nil, "", ""},
		{"another host's", plain, map[string]string{"etc/docker/certs.d/" + folder(mutual) + "/my.crt": ca.pem}, nil, "unknown authority", ""},
		{"CA file", plain, map[string]string{"ca.pem": ca.pem}, func(o *Options, home string) { o.CAFile = filepath.Join(home, "ca.pem") }, "", ""},
		{"SSL_CERT_FILE", plain, map[string]string{"ca.pem": ca.pem}, func(o *Options, home string) { o.SSLCertFile = filepath.Join(home, "ca.pem") }, "", ""},
		{"SSL_CERT_DIR", plain, map[string]string{"d/README": "x", "d/ca.pem": ca.pem}, func(o *Options, home string) { o.SSLCertDirs = []string{filepath.Join(home, "d")} }, "", ""},
		{"CA file beside certs.d", mutual, map[string]string{
			"ca.pem": ca.pem,
			"etc/docker/certs.d/" + folder(mutual) + "/other.crt": clients.pem,
			"etc/docker/certs.d/" + folder(mutual) + "/x.cert":    cert,
			"etc/docker/certs.d/" + folder(mutual) + "/x.key":     key,
		}, func(o *Options, home string) { o.CAFile = filepath.Join(home, "ca.pem") }, "", "client"},
		{"no client certificate", mutual, map[string]string{"etc/docker/certs.d/" + folder(mutual) + "/ca.crt": ca.pem}, nil, "certificate", ""},
		{"client certificate", mutual, withPair("etc/docker/certs.d/" + folder(mutual)), nil, "", "client"},
		{"cert dir", mutual, withPair("certs"), func(o *Options, home string) { o.CertDir = filepath.Join(home, "certs") }, "", "client"},
		{"cert dir by host", mutual, withPair("certs/" + folder(mutual)), func(o *Options, home string) { o.CertDir = filepath.Join(home, "certs") }, "", "client"},
		{"insecure host", plain, nil, func(o *Options, _ string) { o.Insecure = []string{plain} }, "", ""},
		{"insecure host, any port", plain, nil, func(o *Options, _ string) { o.Insecure = []string{"127.0.0.1"} }, "", ""},
		{"another insecure host", plain, nil, func(o *Options, _ string) { o.Insecure = []string{mutual, "127.0.0.1:1"} }, "unknown authority", ""},
		{"insecure in registries.conf", plain, map[string]string{"etc/containers/registries.conf": "[[registry]]\nlocation = \"" + plain + "\"\ninsecure = true\n"}, nil, "", ""},
		{"insecure mirror", plain, map[string]string{"etc/containers/registries.conf": "[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"" + plain + "\"\ninsecure = true\n"}, nil, "", ""},
		{"only a namespace insecure", plain, map[string]string{"etc/containers/registries.conf": "[[registry]]\nlocation = \"" + plain + "/ns\"\ninsecure = true\n"}, nil, "unknown authority", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w warnings
			home := tree(t, tt.files)
			o := at(home, &w)
			if tt.change != nil {
				tt.change(&o, home)
			}
			who, err := get(t, New(o), tt.host)
			if tt.fails == "" && (err != nil || who != tt.who) {
				t.Errorf("we are %q, %v; want %q", who, err, tt.who)
			}
			if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Errorf("error %v, want %q", err, tt.fails)
			}
			w.none(t)
		})
	}
}

// folder is a host's name in certs.d.
func folder(host string) string {
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(host, ":", "")
	}
	return host
}

// A bad file in certs.d is told and hides none beside it; one the user named is an error.
func TestBadCertificates(t *testing.T) {
	ca := newAuthority(t)
	host := server(t, ca, nil)
	dir := "etc/docker/certs.d/" + folder(host)
	for name, words := range map[string]string{"a.crt": "no PEM certificate", "a.cert": "its key"} {
		var w warnings
		home := tree(t, map[string]string{dir + "/" + name: "junk", dir + "/z.crt": ca.pem})
		if _, err := get(t, New(at(home, &w)), host); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.only(t, words)

		o := at(home, &w)
		o.CertDir = filepath.Join(home, filepath.FromSlash(dir))
		if _, err := New(o).TLS(host); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s, named: %v", name, err)
		}
	}
	home := tree(t, map[string]string{"junk": "junk"})
	for name, o := range map[string]Options{
		"CA file":         {CAFile: filepath.Join(home, "junk")},
		"missing CA file": {CAFile: filepath.Join(home, "nowhere")},
		"missing folder":  {CertDir: filepath.Join(home, "nowhere")},
	} {
		if _, err := New(o).TLS(host); err == nil || !strings.Contains(err.Error(), home) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]Options{
		"SSL_CERT_FILE": {SSLCertFile: filepath.Join(home, "nowhere")},
		"SSL_CERT_DIR":  {SSLCertDirs: []string{filepath.Join(home, "nowhere")}},
		"FILE":          {SSLCertFile: filepath.Join(home, "nowhere"), SSLCertLater: true},
		"DIR":           {SSLCertDirs: []string{filepath.Join(home, "nowhere")}, SSLCertLater: true},
	} {
		var w warnings
		o.Warn = w.warn
		if _, err := New(o).TLS(host); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.only(t, name)
	}
}

// On macOS and Windows SSL_CERT_FILE is all there is, elsewhere it comes on top.
func TestBasePool(t *testing.T) {
	ca := newAuthority(t)
	home := tree(t, map[string]string{"ca.pem": ca.pem})
	c := New(Options{SSLCertFile: filepath.Join(home, "ca.pem")})
	alone := x509.NewCertPool()
	alone.AppendCertsFromPEM([]byte(ca.pem))
	for _, goos := range []string{"darwin", "windows"} {
		if pool, err := c.basePool(goos); err != nil || !pool.Equal(alone) {
			t.Errorf("%s: more than SSL_CERT_FILE, %v", goos, err)
		}
	}
	added, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	added.AppendCertsFromPEM([]byte(ca.pem))
	if pool, err := c.basePool("linux"); err != nil || !pool.Equal(added) {
		t.Errorf("linux: not the system's and SSL_CERT_FILE, %v", err)
	}
}

// Nothing is shared between two calls, and nobody's host leads out of certs.d.
func TestTLSIsOurOwn(t *testing.T) {
	ca := newAuthority(t)
	home := tree(t, map[string]string{"etc/docker/x.crt": ca.pem, "ca.pem": ca.pem})
	c := New(Options{CAFile: filepath.Join(home, "ca.pem"), SystemDir: filepath.Join(home, "etc")})
	a, err := c.TLS("a")
	if err != nil {
		t.Fatal(err)
	}
	a.InsecureSkipVerify = true
	if b, err := c.TLS("a"); err != nil || b.InsecureSkipVerify {
		t.Errorf("a change shows: %v", err)
	}
	for _, host := range []string{"..", ".", "", "../docker", "/etc", `a\b`} {
		if dirs := (Options{SystemDir: filepath.Join(home, "etc")}).certDirs(host); dirs != nil {
			t.Errorf("%q: looked in %v", host, dirs)
		}
	}
}
