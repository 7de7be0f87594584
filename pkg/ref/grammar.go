package ref

import (
	"crypto"
	_ "crypto/sha256" // makes sha256 available to go-digest
	_ "crypto/sha512" // makes sha512 available to go-digest
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/opencontainers/go-digest"
)

const (
	maxRepositoryBytes = 255 // RepositoryNameTotalLengthMax of distribution/reference
	maxTagBytes        = 128
)

// checkNoID refuses what docker takes for the ID of an image: it names no repository.
func checkNoID(s string) *SyntaxError {
	if !isImageID(s) && checkDigest(s) != nil {
		return nil
	}
	return &SyntaxError{
		Input: s, Why: "this is a digest or an image ID, not a name",
		Advice: "write REPOSITORY@sha256:…; an image of an engine is given a name first, as with \"docker tag\"",
	}
}

func isImageID(s string) bool {
	return len(s) == crypto.SHA256.Size()*2 && isLowerHex(s)
}

func isLowerHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s == strings.ToLower(s)
}

// checkHost takes a domain name, an IPv4 address, or an IPv6 address in brackets, and a port.
func checkHost(s string) *SyntaxError {
	host, port, hasPort := cutPort(s)
	if hasPort {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return &SyntaxError{Input: s, Why: quote(port) + " is no port"}
		}
	}
	if addr, ok := strings.CutPrefix(host, "["); ok {
		addr, closed := strings.CutSuffix(addr, "]")
		ip, err := netip.ParseAddr(addr)
		if closed && err == nil && ip.Is6() && !strings.ContainsAny(addr, "%.") {
			return nil
		}
		return &SyntaxError{Input: s, Why: quote(host) + " is no IPv6 address in brackets"}
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return &SyntaxError{Input: s, Why: quote(s) + " is no host"}
		}
	}
	return nil
}

// cutPort parts at the last colon outside of brackets.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.LastIndexByte(s, ']') {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func isLabel(s string) bool {
	for i := range len(s) {
		if edge := i == 0 || i == len(s)-1; !isAlnum(s[i]) && (edge || s[i] != '-') {
			return false
		}
	}
	return s != ""
}

func checkRepository(s string) *SyntaxError {
	if len(s) > maxRepositoryBytes {
		return &SyntaxError{Input: s, Why: "the name of the repository is longer than " + strconv.Itoa(maxRepositoryBytes) + " characters"}
	}
	if strings.ContainsFunc(s, unicode.IsUpper) {
		return &SyntaxError{
			Input: s, Why: "the name of a repository is lower case",
			Advice: "write it in lower case; a file in this folder is written ./NAME",
		}
	}
	if strings.HasSuffix(s, "/") {
		return &SyntaxError{Input: s, Why: "the name of a repository does not end in a slash", Advice: "leave it out; a folder is written ./NAME"}
	}
	for component := range strings.SplitSeq(s, "/") {
		if !isComponent(component) {
			return &SyntaxError{
				Input: s, Why: quote(component) + " cannot stand in the name of a repository",
				Advice: "it takes lower-case letters, digits, and between them one of \".\", \"_\", \"__\" or any number of \"-\"",
			}
		}
	}
	return nil
}

// isComponent: [a-z0-9]+ parted by ".", "_", "__" or a run of "-".
func isComponent(s string) bool {
	separator := ""
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			separator = ""
			continue
		case i == 0 || i == len(s)-1:
			return false
		}
		separator += string(c)
		if separator != "." && separator != "_" && separator != "__" && strings.Trim(separator, "-") != "" {
			return false
		}
	}
	return s != ""
}

// checkTag: [\w][\w.-]{0,127}.
func checkTag(s string) *SyntaxError {
	if s == "" {
		return &SyntaxError{Input: s, Why: "there is no tag after the colon"}
	}
	for i := range len(s) {
		if c := s[i]; len(s) > maxTagBytes || !isWord(c) && (i == 0 || c != '.' && c != '-') {
			return &SyntaxError{
				Input: s, Why: quote(s) + " is no tag",
				Advice: "a tag is 1 to 128 letters, digits, \"_\", \".\" and \"-\", and starts with none of the last two",
			}
		}
	}
	return nil
}

func checkDigest(s string) *SyntaxError {
	d := digest.Digest(s)
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 && d.Algorithm() != digest.SHA512 {
		return &SyntaxError{
			Input: s, Why: quote(s) + " is no digest",
			Advice: "a digest is sha256: and 64, or sha512: and 128 hexadecimal digits in lower case",
		}
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func isWord(c byte) bool {
	return isAlnum(c) || c == '_'
}
