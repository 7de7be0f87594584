package config

import (
	"fmt"
	"strings"
	"unicode"
)

const (
	hub       = "docker.io"
	hubServer = "https://index.docker.io/v1/" // what docker calls the Hub in its files and helpers
)

// normalKey returns the host, or host and namespace, that a key of an auth file stands for.
// A key with a scheme stands for its host whatever its path, as for docker. The Hub has many
// names; what docker keeps below its server name (access-token, refresh-token) is no
// password for the registry and stays as it is.
func normalKey(raw string) string {
	rest, isURL := cutScheme(raw)
	host, path, _ := strings.Cut(rest, "/")
	host = normalHost(host)
	switch path {
	case "", "v1/", "v2/":
		return host
	}
	if isURL && (host != hub || path == "v1" || path == "v2") {
		return host
	}
	if isURL {
		return raw
	}
	return host + "/" + strings.TrimRight(path, "/")
}

func cutScheme(s string) (rest string, found bool) {
	for _, scheme := range []string{"https://", "http://"} {
		if rest, found = strings.CutPrefix(s, scheme); found {
			return rest, true
		}
	}
	return s, false
}

func normalHost(host string) string {
	host = strings.ToLower(host)
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		return hub
	}
	return host
}

// lookupKeys returns the keys that may hold a credential for a repository, most specific
// first: host/a/b, host/a, host.
func lookupKeys(host, repository string) []string {
	host = normalHost(host)
	var keys []string
	for r := strings.Trim(repository, "/"); r != ""; {
		keys = append(keys, host+"/"+r)
		r = r[:max(strings.LastIndexByte(r, '/'), 0)]
	}
	return append(keys, host)
}

// parseKey reads what a user logs in to: a host or host/namespace, with or without scheme.
func parseKey(s string) (string, error) {
	key := normalKey(strings.TrimSpace(s))
	host, path, _ := strings.Cut(key, "/")
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`@\"`, r) }
	if host == "" || strings.ContainsFunc(key, odd) || strings.Contains(path, ":") {
		return "", &problem{
			fmt.Errorf("%q: not a registry", s),
			"name a host, or a host and namespace: registry.example.com, quay.io/team",
		}
	}
	return key, nil
}

func isNamespaced(key string) bool { return strings.Contains(key, "/") }
