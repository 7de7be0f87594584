// Package auth finds out what a registry wants to see before it answers, and
// keeps it: basic credentials, or bearer tokens from the registry's token server
// (distribution-spec has none; docs.docker.com/registry/spec/auth/token has).
package auth

import "strings"

// Bounds on the WWW-Authenticate headers of one answer.
const (
	maxChallengeBytes = 16 << 10
	maxChallenges     = 16
	maxParams         = 32
)

// A Challenge is one way to authenticate that a server offers (RFC 9110, 11.3).
// Scheme and the keys of Params are lower case.
type Challenge struct {
	Scheme string
	Params map[string]string
}

// ParseChallenges reads WWW-Authenticate headers, each of which may hold several
// challenges. What cannot be read is left out, and so is what is beyond the bounds.
func ParseChallenges(headers []string) []Challenge {
	var list []Challenge
	room := maxChallengeBytes
	for _, h := range headers {
		if room -= len(h); room < 0 {
			break
		}
		list = append(list, parseHeader(h)...)
	}
	return list[:min(len(list), maxChallenges)]
}

func parseHeader(h string) []Challenge {
	var list []Challenge
	s := scanner(h)
	for {
		s.skip(" \t,")
		word := s.token()
		if word == "" {
			return list
		}
		s.skip(" \t")
		if value, ok := s.value(); !ok {
			list = append(list, Challenge{Scheme: strings.ToLower(word), Params: map[string]string{}})
		} else if n := len(list); n > 0 && len(list[n-1].Params) < maxParams {
			key := strings.ToLower(word)
			if _, twice := list[n-1].Params[key]; !twice {
				list[n-1].Params[key] = value
			}
		}
	}
}

// A scanner is what is left of a header.
type scanner string

func (s *scanner) skip(chars string) { *s = scanner(strings.TrimLeft(string(*s), chars)) }

// token takes the characters that make a word: all but separators.
func (s *scanner) token() string {
	end := strings.IndexAny(string(*s), " \t,=\"")
	if end < 0 {
		end = len(*s)
	}
	word := string((*s)[:end])
	*s = (*s)[end:]
	return word
}

// value takes "= value", quoted or not; false if there is none.
func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(string(*s), "=") {
		return "", false
	}
	*s = (*s)[1:]
	s.skip(" \t")
	if !strings.HasPrefix(string(*s), `"`) {
		end := strings.IndexAny(string(*s), " \t,")
		if end < 0 {
			end = len(*s)
		}
		v := string((*s)[:end])
		*s = (*s)[end:]
		return v, true
	}
	var v strings.Builder
	for i := 1; i < len(*s); i++ {
		switch c := (*s)[i]; {
		case c == '"':
			*s = (*s)[i+1:]
			return v.String(), true
		case c == '\\' && i+1 < len(*s):
			i++
			v.WriteByte((*s)[i])
		default:
			v.WriteByte(c)
		}
	}
	*s = ""
	return "", true // the quote is never closed
}
