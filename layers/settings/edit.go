package settings

import (
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/arch"
)

// An Edit says what to change of a config. Nil and empty fields change nothing; a
// pointer to nothing ("", no words) removes.
type Edit struct {
	Env, Labels           []string // NAME=VALUE, set or added
	UnsetEnv, UnsetLabels []string // names
	Entrypoint, Cmd       *[]string
	Shell                 *[]string
	User, WorkingDir      *string
	StopSignal, Author    *string
	Ports, Volumes        []string // added: 80/tcp, /data
	UnsetPorts            []string
	UnsetVolumes          []string
	OnBuild               []string // added
	Healthcheck           *v1.HealthConfig
	Platform              *arch.Platform
	Created               *time.Time // of the image; what is later in the history is set back to it
}

// IsZero reports whether e changes nothing.
func (e Edit) IsZero() bool {
	return len(e.Env)+len(e.Labels)+len(e.UnsetEnv)+len(e.UnsetLabels)+len(e.Ports)+len(e.Volumes)+len(e.UnsetPorts)+
		len(e.UnsetVolumes)+len(e.OnBuild) == 0 && e.Entrypoint == nil && e.Cmd == nil && e.Shell == nil && e.User == nil &&
		e.WorkingDir == nil && e.StopSignal == nil && e.Author == nil && e.Healthcheck == nil && e.Platform == nil && e.Created == nil
}

// Apply changes c. Cmd stays as it is when only the entrypoint changes.
func (e Edit) Apply(c *v1.ConfigFile) {
	cfg := &c.Config
	for _, kv := range e.Env {
		cfg.Env = setEnv(cfg.Env, kv)
	}
	for _, name := range e.UnsetEnv {
		cfg.Env = slices.DeleteFunc(cfg.Env, func(kv string) bool { return nameOf(kv) == name })
	}
	for _, kv := range e.Labels {
		name, value, _ := strings.Cut(kv, "=")
		if cfg.Labels == nil {
			cfg.Labels = map[string]string{}
		}
		cfg.Labels[name] = value
	}
	for _, name := range e.UnsetLabels {
		delete(cfg.Labels, name)
	}
	cfg.ExposedPorts = members(cfg.ExposedPorts, e.Ports, e.UnsetPorts)
	cfg.Volumes = members(cfg.Volumes, e.Volumes, e.UnsetVolumes)
	cfg.OnBuild = append(cfg.OnBuild, e.OnBuild...)
	set(&cfg.Entrypoint, e.Entrypoint)
	set(&cfg.Cmd, e.Cmd)
	set(&cfg.Shell, e.Shell)
	set(&cfg.User, e.User)
	set(&cfg.WorkingDir, e.WorkingDir)
	set(&cfg.StopSignal, e.StopSignal)
	set(&c.Author, e.Author)
	if e.Healthcheck != nil {
		cfg.Healthcheck = e.Healthcheck
		if len(e.Healthcheck.Test) == 0 {
			cfg.Healthcheck = nil
		}
	}
	if e.Platform != nil {
		p := e.Platform.ToV1()
		c.OS, c.Architecture, c.Variant, c.OSVersion, c.OSFeatures = p.OS, p.Architecture, p.Variant, p.OSVersion, p.OSFeatures
	}
	e.applyTime(c)
}

func (e Edit) applyTime(c *v1.ConfigFile) {
	if e.Created == nil {
		return
	}
	at := v1.Time{Time: e.Created.UTC()}
	c.Created = at
	for i := range c.History {
		if c.History[i].Created.After(at.Time) {
			c.History[i].Created = at
		}
	}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func nameOf(kv string) string {
	name, _, _ := strings.Cut(kv, "=")
	return name
}

// setEnv keeps the place of a variable that is there.
func setEnv(env []string, kv string) []string {
	at := slices.IndexFunc(env, func(old string) bool { return nameOf(old) == nameOf(kv) })
	if at < 0 {
		return append(env, kv)
	}
	env[at] = kv
	return env
}

func members(m map[string]struct{}, add, remove []string) map[string]struct{} {
	m = maps.Clone(m)
	for _, k := range add {
		if m == nil {
			m = map[string]struct{}{}
		}
		m[k] = struct{}{}
	}
	for _, k := range remove {
		delete(m, k)
	}
	return m
}
