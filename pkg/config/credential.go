package config

import (
	"context"
)

// tokenUser is the user name that marks its password as an identity token.
const tokenUser = "<token>"

// Credential is what to show a registry. The zero Credential is anonymous. Printing one
// shows no secret.
type Credential struct {
	Key           string // the host, or host/namespace, that it is for; the Hub is docker.io
	Username      string
	Password      Secret
	IdentityToken Secret // to be traded for access tokens at the registry's token server
	RegistryToken Secret // to be sent as bearer token as it is
	Source        string // the file or helper it came from
}

// Anonymous reports whether there is nothing to show.
func (c Credential) Anonymous() bool {
	return c.Username == "" && c.Password.IsZero() && c.IdentityToken.IsZero() && c.RegistryToken.IsZero()
}

func newCredential(user, password, identity, registry string) Credential {
	if user == tokenUser {
		user = ""
		if identity == "" {
			identity, password = password, ""
		}
	}
	if identity != "" {
		password = "" // as docker: the password beside it is a placeholder
	}
	return Credential{
		Username:      user,
		Password:      NewSecret(password),
		IdentityToken: NewSecret(identity),
		RegistryToken: NewSecret(registry),
	}
}

// Credential returns the credential for a repository at a host, most specific key first:
// host/ns/repo, host/ns, host. For each key come first Options.Given, then the files in the
// order of [Options], and in a file its helper before its own entry. An empty repository
// asks for the host alone.
//
// What cannot be read or run is told through Options.Warn and passed over. The only error
// is that of ctx.
func (c *Config) Credential(ctx context.Context, host, repository string) (Credential, error) {
	s, err := c.search(ctx, host, repository)
	return s.found, err
}
