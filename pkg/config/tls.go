package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxCertBytes bounds a file of certificates; a system's whole bundle has a quarter MiB.
const maxCertBytes = 8 << 20

// TLS returns how to speak TLS with a host (host or host:port, of a registry or of its token
// server): the system's roots, Options.CAFile, SSL_CERT_FILE and SSL_CERT_DIR, and what
// Options.CertDir and the certs.d folders of containers and docker have for it, client
// certificates among them. Verification is off only for hosts in Options.Insecure and hosts
// that registries.conf calls insecure as a whole; where it does so for a namespace only,
// [Endpoint] says so and the caller sets it. Each call returns a new value.
//
// What is wrong with a file the user named is an error; the rest is told through Options.Warn.
func (c *Config) TLS(host string) (*tls.Config, error) {
	skip, err := c.insecure(host)
	if err != nil {
		return nil, err
	}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, InsecureSkipVerify: skip}
	certs, err := c.hostCerts(host)
	if err != nil {
		return nil, err
	}
	cfg.Certificates = certs.pairs
	if len(certs.roots) == 0 {
		return cfg, nil
	}
	if roots == nil {
		if cfg.RootCAs, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("reading the system's certificates: %w", err)
		}
	} else {
		cfg.RootCAs = roots.Clone()
	}
	for _, pem := range certs.roots {
		cfg.RootCAs.AppendCertsFromPEM(pem)
	}
	return cfg, nil
}

// insecure reports whether a host as a whole is called insecure.
func (c *Config) insecure(host string) (bool, error) {
	all, err := c.registries()
	if err != nil {
		return false, err
	}
	whole := func(prefix string) bool { return matched(host, prefix) > 0 }
	for _, r := range all {
		at := r.location
		if at == "" {
			at = r.prefix
		}
		if r.insecure && whole(at) {
			return true, nil
		}
		for _, m := range r.mirrors {
			if m.insecure && whole(m.location) {
				return true, nil
			}
		}
	}
	return c.calledInsecure(host), nil
}

// loadRoots returns the roots for every host; nil stands for the system's own.
func (c *Config) loadRoots() (*x509.CertPool, error) {
	o := c.opts
	if o.CAFile == "" && o.SSLCertFile == "" && len(o.SSLCertDirs) == 0 {
		return nil, nil
	}
	if o.CAFile == "" && o.SSLCertLater {
		c.lookForSSLFiles()
		return nil, nil
	}
	pool, err := c.basePool(runtime.GOOS)
	if err != nil || o.CAFile == "" {
		return pool, err
	}
	pem, err := readFile(o.CAFile, maxCertBytes)
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = errors.New("there is no PEM certificate in it")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the CA file %s: %w", o.CAFile, bare(err))
	}
	return pool, nil
}

// basePool is the system's roots with those of SSL_CERT_FILE and SSL_CERT_DIR. Where Go
// itself knows these variables they add to it; on macOS and Windows they replace the
// system's, which is what the variables mean to OpenSSL.
func (c *Config) basePool(goos string) (*x509.CertPool, error) {
	files := c.sslFiles()
	if len(files) > 0 && (goos == "darwin" || goos == "windows") {
		return appendFiles(x509.NewCertPool(), files), nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	return appendFiles(pool, files), nil
}

func appendFiles(pool *x509.CertPool, pems [][]byte) *x509.CertPool {
	for _, pem := range pems {
		pool.AppendCertsFromPEM(pem)
	}
	return pool
}

// sslFiles reads SSL_CERT_FILE and every file in SSL_CERT_DIR.
func (c *Config) sslFiles() [][]byte {
	var pems [][]byte
	if f := c.opts.SSLCertFile; f != "" {
		pem, err := readFile(f, maxCertBytes)
		c.warnSSL("SSL_CERT_FILE", f, err)
		pems = append(pems, pem)
	}
	for _, dir := range c.opts.SSLCertDirs {
		entries, err := os.ReadDir(dir)
		c.warnSSL("SSL_CERT_DIR", dir, err)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if pem, err := readFile(filepath.Join(dir, e.Name()), maxCertBytes); err == nil {
				pems = append(pems, pem) // what is no certificate there (folders, lists) is not ours to judge
			}
		}
	}
	return pems
}

// lookForSSLFiles warns of what cannot be opened, which nobody else does.
func (c *Config) lookForSSLFiles() {
	look := func(variable, path string) {
		f, err := os.Open(path)
		if err == nil {
			err = f.Close()
		}
		c.warnSSL(variable, path, err)
	}
	if f := c.opts.SSLCertFile; f != "" {
		look("SSL_CERT_FILE", f)
	}
	for _, dir := range c.opts.SSLCertDirs {
		look("SSL_CERT_DIR", dir)
	}
}

func (c *Config) warnSSL(variable, path string, err error) {
	if err != nil {
		c.warn(&problem{fmt.Errorf("reading %s %s: %w", variable, path, bare(err)), "correct or unset " + variable})
	}
}
