package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dray-oci/dray/pkg/event"
)

// Options say which engine to talk to. The zero value means the socket that
// Docker listens on by default.
type Options struct {
	// Host is where the engine listens: unix://PATH, npipe://PATH, tcp://HOST[:PORT],
	// http://…, https://…, ssh://[USER@]HOST[:PORT]. It overrides Context.
	Host string
	// TLS is for a tcp Host: its certificate is checked only with TLSVerify. CertDir
	// holds ca.pem, cert.pem and key.pem, or none of them.
	TLS, TLSVerify bool
	CertDir        string
	// Context names one of docker's contexts in ConfigDir. Empty means the current
	// one of ConfigDir's config.json; "default" means none.
	Context   string
	ConfigDir string
	// Sockets are tried where neither Host nor a context says anything: the first
	// that exists is used. None means docker's default.
	Sockets []string
	// SSH is the command to reach ssh:// hosts with; nil means "ssh".
	SSH    []string
	Events event.Handler // hears of a docker configuration that cannot be read
}

// FromEnviron returns what the docker command would use: DOCKER_HOST,
// DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_CONTEXT, DOCKER_CONFIG,
// and home's .docker; then the sockets of Docker, of rootless Docker, and of
// Docker Desktop.
func FromEnviron(getenv func(string) string, home string) Options {
	o := Options{
		Host:      getenv("DOCKER_HOST"),
		TLSVerify: getenv("DOCKER_TLS_VERIFY") != "",
		TLS:       getenv("DOCKER_TLS") != "" || getenv("DOCKER_TLS_VERIFY") != "",
		CertDir:   getenv("DOCKER_CERT_PATH"),
		Context:   getenv("DOCKER_CONTEXT"),
		ConfigDir: getenv("DOCKER_CONFIG"),
		Sockets:   []string{defaultSocket},
	}
	if o.ConfigDir == "" && home != "" {
		o.ConfigDir = filepath.Join(home, ".docker")
	}
	if o.CertDir == "" {
		o.CertDir = o.ConfigDir
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		o.Sockets = append(o.Sockets, filepath.Join(dir, "docker.sock"))
	}
	if home != "" {
		o.Sockets = append(o.Sockets, filepath.Join(home, ".docker", "run", "docker.sock"))
	}
	return o
}

const defaultSocket = "/var/run/docker.sock"

// endpoint applies the order of the docker command: host, context, default.
func (o Options) endpoint() (*endpoint, error) {
	if o.Host != "" {
		config, err := o.tlsConfig(o.CertDir)
		if err != nil {
			return nil, err
		}
		return newEndpoint(o.Host, config, o.SSH)
	}
	name := o.Context
	if name == "" {
		name = o.currentContext()
	}
	if name != "" && name != "default" {
		return o.contextEndpoint(name)
	}
	return newEndpoint(o.defaultHost(), nil, nil)
}

func (o Options) defaultHost() string {
	if runtime.GOOS == "windows" {
		return "npipe:////./pipe/docker_engine"
	}
	for _, s := range o.Sockets {
		if _, err := os.Stat(s); !errors.Is(err, fs.ErrNotExist) {
			return "unix://" + s
		}
	}
	return "unix://" + defaultSocket
}

// tlsConfig returns nil without TLS.
func (o Options) tlsConfig(dir string) (*tls.Config, error) {
	if !o.TLS && !o.TLSVerify {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !o.TLSVerify}
	switch ca, err := os.ReadFile(filepath.Join(dir, "ca.pem")); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s: there is no certificate in it", filepath.Join(dir, "ca.pem"))
		}
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err == nil {
		c.Certificates = []tls.Certificate{cert}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "cert.pem"), err)
	}
	return c, nil
}
