package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// hostCerts is what folders of certificates have for a host.
type hostCerts struct {
	roots [][]byte // PEM
	pairs []tls.Certificate
}

// hostCerts reads every folder for a host, the user's own before the system's: of several
// client certificates a server takes, the first is shown.
func (c *Config) hostCerts(host string) (*hostCerts, error) {
	found := &hostCerts{}
	if dir := c.opts.CertDir; dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("reading certificates in %s: %w", dir, bare(err))
		}
		if errs := found.read(dir); errs != nil {
			return nil, errors.Join(errs...)
		}
	}
	for _, dir := range c.opts.certDirs(host) {
		for _, err := range found.read(dir) {
			hint := "make it readable for this user, or keep a copy in ~/.config/containers/certs.d/" + host
			if !errors.Is(err, fs.ErrPermission) {
				hint = "repair or remove it; CA certificates end in .crt, client certificates in .cert and .key"
			}
			c.warn(&problem{err, hint})
		}
	}
	return found, nil
}

// certDirs lists the folders that are a host's own. A host that is no plain file name has
// none: it may come from a server.
func (o Options) certDirs(host string) []string {
	if runtime.GOOS == "windows" {
		host = strings.ReplaceAll(host, ":", "") // as docker does
	}
	if !filepath.IsLocal(host) || host == "." || strings.ContainsAny(host, `/\`) {
		return nil
	}
	var dirs []string
	for _, base := range []string{
		o.CertDir,
		below(o.ConfigHome, "containers", "certs.d"),
		below(o.ConfigHome, "docker", "certs.d"), // rootless docker
		below(o.Home, ".docker", "certs.d"),      // Docker Desktop
		below(o.SystemDir, "containers", "certs.d"),
		below(o.SystemDir, "docker", "certs.d"),
	} {
		if base != "" {
			dirs = append(dirs, filepath.Join(base, host))
		}
	}
	return dirs
}

// read takes in *.crt as roots and *.cert with *.key as client certificates. A file that
// does not serve is an error of its own and hides no other.
func (h *hostCerts) read(dir string) (errs []error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return []error{fmt.Errorf("reading certificates in %s: %w", dir, bare(err))}
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		var err error
		switch base, ext := strings.TrimSuffix(path, filepath.Ext(path)), filepath.Ext(path); ext {
		case ".crt":
			err = h.addRoot(path)
		case ".cert":
			err = h.addPair(path, base+".key")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading certificate %s: %w", path, err))
		}
	}
	return errs
}

func (h *hostCerts) addRoot(path string) error {
	pem, err := readFile(path, maxCertBytes)
	if err != nil {
		return bare(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return errors.New("there is no PEM certificate in it")
	}
	h.roots = append(h.roots, pem)
	return nil
}

func (h *hostCerts) addPair(certPath, keyPath string) error {
	cert, err := readFile(certPath, maxCertBytes)
	if err != nil {
		return bare(err)
	}
	key, err := readFile(keyPath, maxCertBytes)
	if err != nil {
		return fmt.Errorf("its key %s: %w", keyPath, bare(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	h.pairs = append(h.pairs, pair)
	return nil
}
