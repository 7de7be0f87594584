package ref

import (
	"strconv"
	"strings"
	"unicode"
)

// maxHostBytes bounds [user@]host[:port].
const maxHostBytes = 512

// parseSSH reads [user@]host[:port]/PLACE, where PLACE is one of the other forms
// that says what it is.
func parseSSH(input, rest string) (Ref, error) {
	fail := func(why, advice string) (Ref, error) {
		return Ref{}, &SyntaxError{Input: input, Why: why, Advice: advice}
	}
	host, place, ok := strings.Cut(rest, "/")
	if !ok || place == "" {
		return fail("it does not say which place there", "write ssh://HOST/store:NAME, ssh://HOST/docker-daemon:NAME, ssh://HOST/FILE.tar")
	}
	if !isSSHHost(host) {
		return fail(quote(host)+" is no [USER@]HOST[:PORT]", "")
	}
	if strings.ContainsFunc(place, unicode.IsControl) {
		return fail("the name holds control characters", "")
	}
	r, err := Parse(place)
	if err != nil {
		e := err.(*SyntaxError) // by the contract of Parse
		return fail(e.Why, e.Advice)
	}
	switch {
	case r.Kind == SSH:
		return fail("it leads from host to host", "ssh itself can do that: see ProxyJump in ssh_config(5)")
	case r.Kind == Registry && !r.Explicit:
		return fail("a bare name does not say which place there", "write ssh://"+host+"/store:"+place+", or /docker-daemon:, /containers-storage:, /docker://")
	case r.Path == "-":
		return fail("standard input and output are taken by ssh", "")
	}
	r.Far, r.Kind, r.Host = r.Kind, SSH, host
	return r, nil
}

// isSSHHost: a name that may also be an alias of ssh_config, or an address, with a
// user before and a port behind. Nothing in it can be taken for an option.
func isSSHHost(s string) bool {
	if len(s) > maxHostBytes {
		return false
	}
	user, host, hasUser := strings.Cut(s, "@")
	if !hasUser {
		host = s
	} else if !isSSHWord(user) {
		return false
	}
	if strings.HasPrefix(host, "[") {
		return checkHost(host) == nil
	}
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return isSSHWord(name)
}

func isSSHWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isWord(c) && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != ""
}

// There is what an SSH ref means on its host; any other ref is returned as it is.
func (r Ref) There() Ref {
	if r.Kind == SSH {
		r.Kind, r.Far, r.Host = r.Far, "", ""
	}
	return r
}
