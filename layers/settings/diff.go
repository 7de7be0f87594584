package settings

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Change is one setting that is not the same in two configs. Its JSON form is part
// of dray's contract.
type Change struct {
	Key    string `json:"key"`              // Env.PATH, Labels.maintainer, Entrypoint, platform, …
	Before string `json:"before,omitempty"` // empty: it was not set
	After  string `json:"after,omitempty"`  // empty: it is not set
}

// Diff returns what differs between two configs, layers and history aside, sorted by key.
func Diff(before, after *v1.ConfigFile) []Change {
	a, b := Flatten(before), Flatten(after)
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	changes := []Change{}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if a[k] != b[k] {
			changes = append(changes, Change{Key: k, Before: a[k], After: b[k]})
		}
	}
	return changes
}

// Flatten returns the settings of c, each under a key of its own; lists as JSON.
func Flatten(c *v1.ConfigFile) map[string]string {
	m := map[string]string{}
	add := func(k, v string) {
		if v != "" {
			m[k] = v
		}
	}
	if p := c.Platform(); p != nil {
		add("platform", p.String())
	}
	if !c.Created.IsZero() {
		add("created", c.Created.UTC().Format(time.RFC3339Nano))
	}
	add("author", c.Author)
	cfg := c.Config
	for _, kv := range cfg.Env {
		name, value, _ := strings.Cut(kv, "=")
		m["Env."+name] = quoted(value)
	}
	for k, v := range cfg.Labels {
		m["Labels."+k] = quoted(v)
	}
	add("Entrypoint", words(cfg.Entrypoint))
	add("Cmd", words(cfg.Cmd))
	add("Shell", words(cfg.Shell))
	add("OnBuild", words(cfg.OnBuild))
	add("ExposedPorts", words(slices.Sorted(maps.Keys(cfg.ExposedPorts))))
	add("Volumes", words(slices.Sorted(maps.Keys(cfg.Volumes))))
	add("User", cfg.User)
	add("WorkingDir", cfg.WorkingDir)
	add("StopSignal", cfg.StopSignal)
	if cfg.Healthcheck != nil {
		raw, _ := json.Marshal(cfg.Healthcheck) // strings and numbers
		add("Healthcheck", string(raw))
	}
	return m
}

// quoted shows that an empty value is one.
func quoted(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

func words(list []string) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(list) // strings to a buffer
	return strings.TrimSpace(b.String())
}
