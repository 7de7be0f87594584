package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	helperTimeout  = 30 * time.Second
	maxHelperBytes = 1 << 20
	maxHelperWords = 200 // characters of a helper's complaint that are repeated
)

// The protocol's word for "no such entry", on stdout with a non-zero exit.
const helperHasNone = "credentials not found in native keychain"

// helper is a docker-credential-NAME program and the name it knows a host by.
type helper struct {
	name   string
	server string
}

// program is the name of the program, fit to be shown.
func (h helper) program() string {
	if !isHelperName(h.name) {
		return fmt.Sprintf("docker-credential-%q", h.name)
	}
	return "docker-credential-" + h.name
}

func (h helper) hint(file string) string {
	return fmt.Sprintf("see that %s works, or take it out of credsStore and credHelpers in %s", h.program(), file)
}

// stored is how helpers speak of a credential.
type stored struct {
	ServerURL string
	Username  string
	Secret    string
}

// get returns what the helper holds; anonymous if it holds nothing.
func (h helper) get(ctx context.Context, limit time.Duration) (Credential, error) {
	out, err := h.run(ctx, limit, query{action: "get", in: []byte(h.server)})
	if errors.Is(err, errNoneStored) {
		return Credential{}, nil
	}
	if err != nil {
		return Credential{}, err
	}
	var s stored
	if err := json.Unmarshal(out, &s); err != nil {
		return Credential{}, fmt.Errorf("running %s get: its answer: %w", h.program(), jsonProblem(err))
	}
	return newCredential(s.Username, s.Secret, "", ""), nil
}

func (h helper) store(ctx context.Context, limit time.Duration, cr Credential) error {
	s := stored{h.server, cr.Username, cr.Password.Reveal()}
	if !cr.IdentityToken.IsZero() {
		s.Username, s.Secret = tokenUser, cr.IdentityToken.Reveal()
	}
	in, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("running %s store: %w", h.program(), err)
	}
	_, err = h.run(ctx, limit, query{"store", in, s.Secret})
	return err
}

func (h helper) erase(ctx context.Context, limit time.Duration) error {
	_, err := h.run(ctx, limit, query{action: "erase", in: []byte(h.server)})
	return err
}

var errNoneStored = errors.New(helperHasNone)

// query is one run of a helper.
type query struct {
	action string // its only argument
	in     []byte // what it reads
	secret string // what must not be repeated from its complaint
}

// run runs the helper, without a shell. The program is found on the PATH and inherits the
// environment, as helpers need it.
func (h helper) run(ctx context.Context, limit time.Duration, q query) ([]byte, error) {
	if !isHelperName(h.name) {
		return nil, fmt.Errorf("running %s: not a name of a helper", h.program())
	}
	slow := fmt.Errorf("no answer within %v", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, slow)
	defer cancel()
	out, complaint := &bounded{fails: true}, &bounded{}
	cmd := exec.CommandContext(ctx, h.program(), q.action)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(q.in), out, complaint
	cmd.WaitDelay = time.Second // for grandchildren that keep the pipes open
	err := cmd.Run()
	switch {
	case err == nil:
		return out.buf.Bytes(), nil
	case strings.TrimSpace(out.buf.String()) == helperHasNone:
		return nil, errNoneStored
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case out.full:
		err = fmt.Errorf("its answer: %w: over %d bytes", errTooLarge, maxHelperBytes)
	default:
		err = q.withWords(err, out.buf.String(), complaint.buf.String())
	}
	return nil, fmt.Errorf("running %s %s: %w", h.program(), q.action, err)
}

// isHelperName keeps names to those that cannot lead out of the PATH.
func isHelperName(s string) bool {
	odd := func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("._-", r)
	}
	return s != "" && !strings.ContainsFunc(s, odd)
}

// withWords adds the first line of what a helper said. Helpers complain on stdout, where
// the secret goes as well: nothing that looks like JSON or holds the secret is repeated.
func (q query) withWords(err error, said ...string) error {
	for _, words := range said {
		line, _, _ := strings.Cut(strings.TrimSpace(words), "\n")
		tells := strings.ContainsAny(words, "{}") || (q.secret != "" && strings.Contains(words, q.secret))
		if line != "" && !tells {
			return fmt.Errorf("%w: %.*q", err, maxHelperWords, strings.TrimSpace(line))
		}
	}
	return err
}

// bounded keeps the first maxHelperBytes; beyond that it fails or drops.
type bounded struct {
	buf   bytes.Buffer
	fails bool
	full  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := maxHelperBytes - b.buf.Len()
	if len(p) <= room {
		return b.buf.Write(p)
	}
	b.buf.Write(p[:room])
	b.full = true
	if b.fails {
		return room, errTooLarge
	}
	return len(p), nil
}
