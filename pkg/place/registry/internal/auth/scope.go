package auth

import (
	"slices"
	"strings"
)

// Pull, Push, Delete and Catalog are the scopes of what is done to a registry.
func Pull(repository string) string { return "repository:" + repository + ":pull" }

// Push is the scope of writing, which includes reading.
func Push(repository string) string { return "repository:" + repository + ":pull,push" }

// Delete is the scope of deleting.
func Delete(repository string) string { return "repository:" + repository + ":delete" }

// Catalog is the scope of listing repositories.
func Catalog() string { return "registry:catalog:*" }

// covers reports whether who holds have may do all that want says.
func covers(have []string, want string) bool {
	resource, actions := split(want)
	return slices.ContainsFunc(have, func(h string) bool {
		r, held := split(h)
		if r != resource {
			return false
		}
		return !slices.ContainsFunc(actions, func(a string) bool { return !slices.Contains(held, a) })
	})
}

// coversAll reports whether have covers every one of want. Nothing wanted is
// covered by nothing only: such a token is good for no repository.
func coversAll(have, want []string) bool {
	if len(want) == 0 {
		return len(have) == 0
	}
	return !slices.ContainsFunc(want, func(w string) bool { return !covers(have, w) })
}

// split parts "repository:a/b:pull,push" at its last colon.
func split(scope string) (resource string, actions []string) {
	i := strings.LastIndexByte(scope, ':')
	return scope[:max(i, 0)], strings.Split(scope[i+1:], ",")
}
