package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ParseChange adds to e what an instruction of a Dockerfile says, of those that
// docker commit --change takes: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL,
// ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR. Variables are not replaced.
func (e *Edit) ParseChange(line string) error {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch strings.ToUpper(word) {
	case "CMD":
		e.Cmd, err = command(rest)
	case "ENTRYPOINT":
		e.Entrypoint, err = command(rest)
	case "SHELL":
		if e.Shell, err = command(rest); err == nil && !strings.HasPrefix(rest, "[") {
			err = errors.New("the shell is written as a JSON list")
		}
	case "ENV":
		err = pairs(rest, &e.Env)
	case "LABEL":
		err = pairs(rest, &e.Labels)
	case "EXPOSE":
		for _, p := range strings.Fields(rest) {
			e.Ports = append(e.Ports, Port(p))
		}
	case "VOLUME":
		var list []string
		if json.Unmarshal([]byte(rest), &list) != nil {
			list = strings.Fields(rest)
		}
		e.Volumes = append(e.Volumes, list...)
	case "USER":
		e.User = &rest
	case "WORKDIR":
		err = absolute(rest)
		e.WorkingDir = &rest
	case "STOPSIGNAL":
		e.StopSignal = &rest
	case "ONBUILD":
		e.OnBuild = append(e.OnBuild, rest)
	case "HEALTHCHECK":
		e.Healthcheck, err = healthcheck(rest)
	default:
		return fmt.Errorf("%.100q is no instruction that changes a config: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR are", word)
	}
	if err == nil && rest == "" && strings.ToUpper(word) != "CMD" && strings.ToUpper(word) != "ENTRYPOINT" {
		err = errors.New("there is nothing after it")
	}
	if err != nil {
		return fmt.Errorf("%.200q: %w", line, err)
	}
	return nil
}

func absolute(dir string) error {
	if !path.IsAbs(dir) && !strings.Contains(dir, ":") {
		return errors.New("the folder must be absolute")
	}
	return nil
}

// Port is a port as configs have it: with its protocol.
func Port(p string) string {
	if !strings.Contains(p, "/") {
		return p + "/tcp"
	}
	return p
}

// Command reads a command as people write it: a JSON list as it is; anything else
// is for the shell. Empty is none.
func Command(s string) []string {
	words, err := command(strings.TrimSpace(s))
	if err != nil {
		return []string{"/bin/sh", "-c", s}
	}
	return *words
}

func command(s string) (*[]string, error) {
	if s == "" {
		return &[]string{}, nil
	}
	if strings.HasPrefix(s, "[") {
		var list []string
		if err := json.Unmarshal([]byte(s), &list); err == nil {
			return &list, nil
		}
	}
	return &[]string{"/bin/sh", "-c", s}, nil
}

// pairs reads NAME=VALUE words, or the old form NAME VALUE.
func pairs(s string, to *[]string) error {
	words, err := split(s)
	if err != nil {
		return err
	}
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		name, value, ok := strings.Cut(s, " ")
		if !ok {
			return errors.New("write NAME=VALUE")
		}
		*to = append(*to, name+"="+strings.TrimSpace(value))
		return nil
	}
	for _, w := range words {
		if i := strings.Index(w, "="); i <= 0 {
			return errors.New("write NAME=VALUE")
		}
		*to = append(*to, w)
	}
	return nil
}

// split parts words at blanks, as a shell does: quotes and backslashes are heeded.
func split(s string) (words []string, err error) {
	var b strings.Builder
	in, quote := false, rune(0)
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, b.String())
				b.Reset()
			}
			in = false
		default:
			b.WriteRune(r)
			in = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}

func healthcheck(s string) (*v1.HealthConfig, error) {
	if strings.EqualFold(s, "NONE") {
		return &v1.HealthConfig{Test: []string{"NONE"}}, nil
	}
	word, rest, _ := strings.Cut(s, " ")
	if !strings.EqualFold(word, "CMD") {
		return nil, errors.New("write HEALTHCHECK CMD … or HEALTHCHECK NONE")
	}
	return Healthcheck(strings.TrimSpace(rest)), nil
}

// Healthcheck is the check that runs a command: a JSON list as it is, anything else
// in the shell. "NONE" is no check, also if the base has one; empty is nothing.
func Healthcheck(s string) *v1.HealthConfig {
	var list []string
	switch {
	case s == "":
		return &v1.HealthConfig{}
	case s == "NONE":
		return &v1.HealthConfig{Test: []string{"NONE"}}
	case strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &list) == nil:
		return &v1.HealthConfig{Test: append([]string{"CMD"}, list...)}
	}
	return &v1.HealthConfig{Test: []string{"CMD-SHELL", s}}
}
