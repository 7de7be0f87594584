package config

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxAuthFileBytes bounds config.json and auth.json. Real ones have a few KiB.
const maxAuthFileBytes = 8 << 20

// authFile is one place where credentials may lie.
type authFile struct {
	path  string
	named bool // by the user, who then expects it to be there
}

// authFiles lists the files, first come first.
func (o Options) authFiles() []authFile {
	var files []authFile
	add := func(path string, named bool) {
		same := func(f authFile) bool { return f.path == path }
		if path != "" && !slices.ContainsFunc(files, same) {
			files = append(files, authFile{path, named})
		}
	}
	add(o.AuthFile, true)
	add(o.RegistryAuthFile, true)
	add(o.ContainersAuthFile, false)
	add(below(o.ConfigHome, "containers", "auth.json"), false)
	add(below(o.DockerConfigDir, "config.json"), false)
	add(below(o.Home, ".docker", "config.json"), false)
	return files
}

// isDocker reports whether docker itself reads the file. It has its own word for the Hub and
// takes namespace keys for hosts.
func (f authFile) isDocker() bool { return filepath.Base(f.path) == "config.json" }

// spelling is how the file writes a key.
func (f authFile) spelling(key string) string {
	if key == hub && f.isDocker() {
		return hubServer
	}
	return key
}

// authDoc is what a file says. err is fs.ErrNotExist where there is none.
type authDoc struct {
	authFile
	err     error
	auths   map[string]authEntry // by key as written
	byKey   map[string]string    // normal key → key as written
	helpers map[string]helper    // by normal host; one without a name turns store off
	store   string
}

type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// load reads a file; the doc it returns is never nil, its err says what was wrong.
func (f authFile) load() *authDoc {
	raw, err := readFile(f.path, maxAuthFileBytes)
	if err != nil {
		return &authDoc{authFile: f, err: f.trouble(bare(err))}
	}
	d, err := parseAuth(raw)
	if err != nil {
		return &authDoc{authFile: f, err: f.trouble(err)}
	}
	d.authFile = f
	return d
}

func (f authFile) trouble(err error) error {
	return &problem{fmt.Errorf("reading credentials: %s: %w", f.path, err), readHint(f.path, err)}
}

// parseAuth reads the JSON of config.json and auth.json, its members by their exact names,
// as rewrite does. An empty file is an empty one, as for docker.
func parseAuth(raw []byte) (*authDoc, error) {
	members, err := object(raw)
	if err != nil {
		return nil, err
	}
	d := &authDoc{byKey: map[string]string{}, helpers: map[string]helper{}}
	helpers := map[string]string{}
	for name, into := range map[string]any{"auths": &d.auths, "credHelpers": &helpers, "credsStore": &d.store} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, fmt.Errorf("%s: %w", name, jsonProblem(err))
			}
		}
	}
	for raw, e := range d.auths {
		d.index(raw, e)
	}
	for raw, name := range helpers {
		key := normalKey(raw)
		if old, ok := d.helpers[key]; !ok || prefer(raw, old.server, key) {
			d.helpers[key] = helper{name, raw}
		}
	}
	return d, nil
}

// index notes which key as written answers for a normal key: one that says something before
// an empty marker, the exact one before others, then by order.
func (d *authDoc) index(raw string, e authEntry) {
	key := normalKey(raw)
	old, ok := d.byKey[key]
	empty, oldEmpty := e == (authEntry{}), ok && d.auths[old] == (authEntry{})
	if !ok || (oldEmpty && !empty) || (oldEmpty == empty && prefer(raw, old, key)) {
		d.byKey[key] = raw
	}
}

func prefer(a, b, key string) bool {
	if a == key || b == key {
		return a == key
	}
	return a < b
}

// helper returns the helper that a host's credential lies in, if any.
func (d *authDoc) helper(key string) (helper, bool) {
	if isNamespaced(key) {
		return helper{}, false // helpers know hosts only
	}
	if h, ok := d.helpers[key]; ok {
		return h, h.name != ""
	}
	server := key
	if key == hub {
		server = hubServer
	}
	return helper{d.store, server}, d.store != ""
}

// spellings lists the keys as written that stand for key.
func (d *authDoc) spellings(key string) []string {
	var raws []string
	for raw := range d.auths {
		if normalKey(raw) == key {
			raws = append(raws, raw)
		}
	}
	return raws
}

// entry returns the credential that the file itself holds for key. It is anonymous where
// there is none, or an empty marker.
func (d *authDoc) entry(key string) (Credential, error) {
	raw, ok := d.byKey[key]
	if !ok {
		return Credential{}, nil
	}
	cr, err := d.auths[raw].decode()
	if err != nil {
		return Credential{}, &problem{
			fmt.Errorf("reading credentials: %s: entry %q: %w", d.path, raw, err),
			"log in to " + key + " again",
		}
	}
	cr.Key, cr.Source = key, d.path
	return cr, nil
}

// decode reads an entry as docker does.
func (e authEntry) decode() (Credential, error) {
	user, password := e.Username, e.Password
	if e.Auth != "" {
		b, err := base64.StdEncoding.DecodeString(e.Auth)
		if err != nil {
			return Credential{}, errors.New("its auth is not base64")
		}
		var ok bool
		if user, password, ok = strings.Cut(string(b), ":"); !ok {
			return Credential{}, errors.New("its auth has no colon")
		}
		password = strings.Trim(password, "\x00")
	}
	return newCredential(user, password, e.IdentityToken, e.RegistryToken), nil
}

// missing also covers HOME=/dev/null.
func (d *authDoc) missing() bool {
	return errors.Is(d.err, fs.ErrNotExist) || errors.Is(d.err, syscall.ENOTDIR)
}
