package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Logout removes what is kept for a host or host/namespace, and only for exactly that: from
// the file the user named, else from every file and from the helpers that they name. It
// returns where something was removed, nothing if there was no login. What could not be
// removed is the error, beside what could.
func (c *Config) Logout(ctx context.Context, key string) (removed []string, err error) {
	key, err = parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("logging out: %w", err)
	}
	c.edit.Lock()
	defer c.edit.Unlock()
	defer c.forget()
	return c.logout(ctx, key)
}

// LogoutAll is Logout for everything that the files have an entry or a helper for.
func (c *Config) LogoutAll(ctx context.Context) (removed []string, err error) {
	c.edit.Lock()
	defer c.edit.Unlock()
	defer c.forget()
	var errs []error
	for _, key := range c.loggedIn() {
		places, err := c.logout(ctx, key)
		removed = append(removed, places...)
		errs = append(errs, err)
	}
	slices.Sort(removed)
	return slices.Compact(removed), errors.Join(errs...)
}

func (c *Config) loggedIn() []string {
	var keys []string
	for _, f := range c.editable() {
		d := f.load()
		for raw := range d.auths {
			keys = append(keys, normalKey(raw))
		}
		for key := range d.helpers {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (c *Config) logout(ctx context.Context, key string) ([]string, error) {
	var removed []string
	var errs []error
	for _, f := range c.editable() {
		d := f.load()
		if d.err != nil {
			if !d.missing() {
				errs = append(errs, fmt.Errorf("logging out of %s: %w", key, d.err))
			}
			continue
		}
		places, err := c.logoutFrom(ctx, d, key)
		removed = append(removed, places...)
		if err != nil {
			errs = append(errs, fmt.Errorf("logging out of %s: %w", key, err))
		}
	}
	return removed, errors.Join(errs...)
}

// logoutFrom empties one file, even when its helper fails.
func (c *Config) logoutFrom(ctx context.Context, d *authDoc, key string) (removed []string, err error) {
	var helperErr error
	if h, ok := d.helper(key); ok {
		var had bool
		if had, helperErr = c.eraseWithHelper(ctx, h); had {
			removed = append(removed, fmt.Sprintf("%s (%s)", h.program(), d.path))
		}
		if helperErr != nil {
			helperErr = &problem{helperErr, h.hint(d.path)}
		}
	}
	raws := d.spellings(key)
	if key == hub {
		raws = append(raws, d.webTokens()...)
	}
	if len(raws) == 0 {
		return removed, helperErr
	}
	if err := d.rewrite(raws, "", nil); err != nil {
		return removed, errors.Join(helperErr, err)
	}
	full := func(raw string) bool { return d.auths[raw] != authEntry{} }
	if slices.ContainsFunc(raws, full) {
		removed = append(removed, d.path)
	}
	return removed, helperErr
}

// What docker's web login keeps, as entries of their own below the Hub's name.
const (
	accessToken  = "access-token"
	refreshToken = "refresh-token"
)

func (d *authDoc) webTokens() []string {
	var raws []string
	for _, name := range []string{accessToken, refreshToken} {
		if _, ok := d.auths[hubServer+name]; ok {
			raws = append(raws, hubServer+name)
		}
	}
	return raws
}

// eraseWithHelper erases what the helper has, for the Hub the web tokens as well. Asking first keeps helpers quiet that fail to erase nothing.
func (c *Config) eraseWithHelper(ctx context.Context, h helper) (had bool, err error) {
	servers := []string{h.server}
	if h.server == hubServer {
		servers = append(servers, hubServer+accessToken, hubServer+refreshToken)
	}
	for _, server := range servers {
		h.server = server
		cr, err := h.get(ctx, c.helperTimeout)
		if err != nil {
			return had, err
		}
		if cr.Anonymous() {
			continue
		}
		if err := h.erase(ctx, c.helperTimeout); err != nil {
			return had, err
		}
		had = true
	}
	return had, nil
}
