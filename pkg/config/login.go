package config

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Stored says where a login went.
type Stored struct {
	Where     string // a file, or a helper and the file that names it
	Plaintext bool   // the secret lies readable in a file, only guarded by its mode
}

// Login keeps cr for a host or host/namespace. It goes to the file the user named
// (Options.AuthFile, RegistryAuthFile); else to the first file that has an entry for the
// same key, which would hide any other; else a host to docker's config.json, which podman
// reads as well, and a namespace to containers' auth.json, since docker would take it for
// the host. Where the file names a helper for the host, the helper keeps the secret.
//
// A file is replaced whole, with mode 0600, and what it says otherwise stays. A file that
// cannot be read is left alone, with an error. Two processes that log in at the same moment
// may lose one of the logins, as with docker.
func (c *Config) Login(ctx context.Context, key string, cr Credential) (Stored, error) {
	key, err := parseKey(key)
	if err != nil {
		return Stored{}, fmt.Errorf("logging in: %w", err)
	}
	c.edit.Lock()
	defer c.edit.Unlock()
	defer c.forget()
	st, err := c.login(ctx, key, cr)
	if err != nil {
		return Stored{}, fmt.Errorf("storing the login to %s: %w", key, err)
	}
	return st, nil
}

func (c *Config) login(ctx context.Context, key string, cr Credential) (Stored, error) {
	entry, err := encodeEntry(cr)
	if err != nil {
		return Stored{}, err
	}
	f, err := c.loginFile(key)
	if err != nil {
		return Stored{}, err
	}
	d := f.load()
	if d.err != nil && !d.missing() {
		return Stored{}, d.err
	}
	st := Stored{Where: f.path, Plaintext: true}
	if h, ok := d.helper(key); ok {
		if err := c.storeWithHelper(ctx, d, h, cr); err != nil {
			return Stored{}, err
		}
		entry = []byte("{}") // docker's marker; it also drops what lay there before
		st = Stored{Where: fmt.Sprintf("%s (%s)", h.program(), f.path)}
	}
	return st, f.rewrite(d.spellings(key), f.spelling(key), entry)
}

func (c *Config) storeWithHelper(ctx context.Context, d *authDoc, h helper, cr Credential) error {
	if !cr.RegistryToken.IsZero() {
		return fmt.Errorf("%s keeps no registry token", h.program())
	}
	if err := h.store(ctx, c.helperTimeout, cr); err != nil {
		return &problem{err, h.hint(d.path)}
	}
	return nil
}

// loginFile chooses the file; see [Config.Login].
func (c *Config) loginFile(key string) (authFile, error) {
	files := c.editable()
	if len(files) > 0 && files[0].named {
		return files[0], nil
	}
	for _, f := range files {
		d := f.load()
		if cr, err := d.entry(key); err == nil && !cr.Anonymous() {
			return f, nil
		}
		if _, ok := d.helpers[key]; ok {
			return f, nil
		}
	}
	path := below(c.opts.ConfigHome, "containers", "auth.json")
	if !isNamespaced(key) {
		path = below(c.opts.DockerConfigDir, "config.json")
		if path == "" {
			path = below(c.opts.Home, ".docker", "config.json")
		}
	}
	if path == "" {
		return authFile{}, &problem{errors.New("no home to keep it in"), "set HOME, or name a file with --authfile"}
	}
	return authFile{path: path}, nil
}

// editable lists the files that logins and logouts are about: the one that was named, or
// else all.
func (c *Config) editable() []authFile {
	files := c.opts.authFiles()
	if len(files) > 0 && files[0].named {
		return files[:1]
	}
	return files
}

// encodeEntry writes an entry so that docker and containers' tools read it back.
func encodeEntry(cr Credential) ([]byte, error) {
	if cr.Anonymous() {
		return nil, errors.New("there is nothing to store")
	}
	if strings.Contains(cr.Username, ":") {
		return nil, errors.New("a user name cannot hold a colon")
	}
	entry := map[string]string{}
	if user := cr.Username; user != "" || !cr.Password.IsZero() || !cr.IdentityToken.IsZero() {
		if user == "" && !cr.IdentityToken.IsZero() {
			user = tokenUser // without a user, containers' tools skip the entry
		}
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(user + ":" + cr.Password.Reveal()))
	}
	if !cr.IdentityToken.IsZero() {
		entry["identitytoken"] = cr.IdentityToken.Reveal()
	}
	if !cr.RegistryToken.IsZero() {
		entry["registrytoken"] = cr.RegistryToken.Reveal()
	}
	return json.Marshal(entry)
}
