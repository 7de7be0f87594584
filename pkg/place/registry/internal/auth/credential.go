package auth

import "encoding/base64"

// A Credential is what to show a registry. The zero Credential is anonymous.
// Printing one shows no secret.
type Credential struct {
	Username      string
	Password      string
	IdentityToken string // traded for access tokens at the token server (OAuth2 refresh token)
	RegistryToken string // sent as bearer token as it is
}

// String says whose credential it is.
func (c Credential) String() string {
	if c == (Credential{}) {
		return "anonymous"
	}
	return "credential of " + c.Username
}

// GoString keeps %#v from showing a secret.
func (c Credential) GoString() string { return c.String() }

func (c Credential) basic() string {
	if c.Username == "" && c.Password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}
