package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// TestMain lets the test binary stand in for ssh: it connects its stdin and
// stdout to the socket that its last argument but three names as the host.
func TestMain(m *testing.M) {
	if path := os.Getenv("DRAY_TEST_SSH_TO"); path != "" {
		os.Exit(fakeSSH(path))
	}
	os.Exit(m.Run())
}

func fakeSSH(path string) int {
	if got, want := strings.Join(os.Args[1:], " "), "-o ConnectTimeout=30 -T -l carrier -p 2222 -- far.example docker system dial-stdio"; got != want {
		fmt.Fprintf(os.Stderr, "called with %s", got)
		return 1
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Fprint(os.Stderr, "Permission denied (publickey)")
		return 255
	}
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(os.Stdout, c) })
	io.Copy(c, os.Stdin)
	c.Close()
	wg.Wait()
	return 0
}

func TestSSH(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Host: "ssh://carrier@far.example:2222", SSH: []string{self}}
	t.Setenv("DRAY_TEST_SSH_TO", socket(t, &docker{version: "1.41"}))
	e := dial(t, o)
	if err := e.List(t.Context(), func(place.Entry) error { return nil }); err != nil {
		t.Error(err)
	}
	t.Setenv("DRAY_TEST_SSH_TO", "/nowhere")
	if _, err := Dial(t.Context(), o); !errors.Is(err, place.ErrUnavailable) || !strings.Contains(err.Error(), "Permission denied (publickey)") {
		t.Errorf("got %v", err)
	}
	o.SSH = []string{"/no/such/ssh"}
	if _, err := Dial(t.Context(), o); !errors.Is(err, place.ErrUnavailable) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct{ host, local, addr, bad string }{
		{host: "unix:///run/d.sock", local: "/run/d.sock", addr: "docker"},
		{host: "npipe:////./pipe/docker_engine", local: `\\.\pipe\docker_engine`, addr: "docker"},
		{host: "tcp://10.0.0.1", addr: "10.0.0.1:2375"},
		{host: "tcp://[::1]:99", addr: "[::1]:99"},
		{host: "https://engine.example/", addr: "engine.example:2376"},
		{host: "http://engine.example", addr: "engine.example:2375"},
		{host: "ssh://me@far.example", addr: "docker"},
		{host: "ssh://me:secret@far.example", bad: "takes no password"},
		{host: "ssh://", bad: "no address"},
		{host: "ssh://far.example/path", bad: "no address"},
		{host: "tcp://", bad: "no address"},
		{host: "tcp://h/path", bad: "no address"},
		{host: "tcp://me:secret@h/path", bad: "no address"},
		{host: "tcp://me:secret/@%zz", bad: "no address"},
		{host: "ssh://me:secret@h/path", bad: "no address"},
		{host: "me:secret@h", bad: "no address"},
		{host: "secret@h://x", bad: "no way to reach"},
		{host: "fd://me:secret@3", bad: "no way to reach"},
		{host: "tcp://me:secret@h:1", addr: "h:1"},
		{host: "fd://3", bad: "no way to reach"},
		{host: "/run/d.sock", bad: "no address"},
		{host: "unix://", bad: "no address"},
	} {
		e, err := newEndpoint(tt.host, nil, nil)
		if tt.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tt.bad) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %q", tt.host, err, tt.bad)
			}
			continue
		}
		if err == nil && strings.Contains(e.String(), "secret") {
			t.Errorf("%s: shown as %s", tt.host, e)
		}
		if err != nil || e.local != tt.local || e.host != tt.addr || e.scheme != "http" {
			t.Errorf("%s: %+v, %v", tt.host, e, err)
		}
	}
}

// TestWhereItListens: the order of the docker command.
func TestWhereItListens(t *testing.T) {
	home, run := t.TempDir(), t.TempDir()
	write(t, filepath.Join(home, ".docker", "config.json"), `{"currentContext":"far"}`)
	writeContext(t, filepath.Join(home, ".docker"), "far", "tcp://far.example:99")
	writeContext(t, filepath.Join(home, ".docker"), "near", "unix:///near.sock")
	empty := t.TempDir()
	write(t, filepath.Join(run, "docker.sock"), "")
	for _, tt := range []struct {
		name, want string
		env        map[string]string
		home       string
	}{
		{"nothing", "unix://" + defaultSocket, nil, ""},
		{"host", "tcp://1.2.3.4:5", map[string]string{"DOCKER_HOST": "tcp://1.2.3.4:5", "DOCKER_CONTEXT": "near"}, home},
		{"context", "unix:///near.sock", map[string]string{"DOCKER_CONTEXT": "near"}, home},
		{"current context", "tcp://far.example:99", nil, home},
		{"default context", "unix://" + defaultSocket, map[string]string{"DOCKER_CONTEXT": "default"}, home},
		{"other configuration", "unix://" + defaultSocket, map[string]string{"DOCKER_CONFIG": empty}, home},
		{"rootless", "unix://" + filepath.Join(run, "docker.sock"), map[string]string{"XDG_RUNTIME_DIR": run}, empty},
	} {
		o := FromEnviron(func(k string) string { return tt.env[k] }, tt.home)
		if runtime.GOOS == "windows" || tt.name == "rootless" {
			o.Sockets = o.Sockets[1:] // a docker that is installed here comes first
		}
		e, err := o.endpoint()
		if err != nil || e.String() != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.name, e, err, tt.want)
		}
	}
}

func TestContextErrors(t *testing.T) {
	dir := t.TempDir()
	var warned []error
	o := Options{ConfigDir: dir, Context: "none", Events: func(e event.Event) { warned = append(warned, e.Err) }}
	var hint interface{ Hint() string }
	if _, err := o.endpoint(); !errors.Is(err, place.ErrNotFound) || !errors.As(err, &hint) || hint.Hint() == "" {
		t.Errorf("got %v", err)
	}
	writeContext(t, dir, "broken", `"}}`)
	o.Context = "broken"
	if _, err := o.endpoint(); !errors.Is(err, place.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	writeContext(t, dir, "other", "")
	o.Context = "other"
	if _, err := o.endpoint(); err == nil {
		t.Error("a context without an engine passes")
	}
	write(t, filepath.Join(dir, "config.json"), strings.Repeat(" ", maxConfigBytes+1))
	o.Context = ""
	if _, err := o.endpoint(); err != nil || len(warned) != 1 || !errors.Is(warned[0], place.ErrInvalid) {
		t.Errorf("got %v, warned of %v", err, warned)
	}
}

func TestNobodyThere(t *testing.T) {
	_, err := Dial(t.Context(), Options{Host: "unix://" + filepath.Join(t.TempDir(), "none")})
	var hint interface{ Hint() string }
	if !errors.Is(err, place.ErrUnavailable) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "DOCKER_HOST") {
		t.Errorf("got %v", err)
	}
	e := &endpoint{local: "/s"}
	denied := e.explain(&url.Error{Err: &net.OpError{Err: os.NewSyscallError("connect", fs.ErrPermission)}})
	if !errors.Is(denied, place.ErrDenied) || !errors.As(denied, &hint) || !strings.Contains(hint.Hint(), "group docker") {
		t.Errorf("got %v", denied)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert := writeCertificate(t, dir)
	srv := httptest.NewUnstartedServer(&docker{version: "1.41"})
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	env := map[string]string{"DOCKER_HOST": "tcp://" + addr, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": dir}
	dial(t, FromEnviron(func(k string) string { return env[k] }, ""))

	config := t.TempDir()
	writeContext(t, config, "secure", "tcp://"+addr)
	sum := sha256.Sum256([]byte("secure"))
	tlsDir := filepath.Join(config, "contexts", "tls", hex.EncodeToString(sum[:]), "docker")
	if err := os.MkdirAll(filepath.Dir(tlsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, tlsDir); err != nil {
		t.Fatal(err)
	}
	dial(t, Options{ConfigDir: config, Context: "secure"})

	// Without the certificates the engine is not trusted, and does not trust us.
	for name, o := range map[string]Options{
		"unknown": {Host: "tcp://" + addr, TLSVerify: true, CertDir: t.TempDir()},
		"plain":   {Host: "tcp://" + addr},
		"alien":   {Host: "tcp://" + addr, TLS: true},
	} {
		if _, err := Dial(t.Context(), o); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	write(t, filepath.Join(tlsDir, "ca.pem"), "no certificate")
	if _, err := Dial(t.Context(), Options{ConfigDir: config, Context: "secure"}); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeContext(t *testing.T, dir, name, host string) {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	write(t, filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"),
		`{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":false}}}`)
}

// writeCertificate makes one certificate that serves as everybody's.
func writeCertificate(t *testing.T, dir string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, b := range map[string][]byte{"ca.pem": certPEM, "cert.pem": certPEM, "key.pem": keyPEM} {
		write(t, filepath.Join(dir, name), string(b))
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
