// Package settings edits image configs: how an image is run, what it is for, when
// it was made. What it does not know of a config, and what is not edited, stays byte
// for byte.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dray-oci/dray/pkg/manifest"
)

// A Config is an image config that can be edited.
type Config struct {
	File *v1.ConfigFile // what is edited
	raw  []byte
	old  *v1.ConfigFile
}

// Parse parses an image config.
func Parse(raw []byte) (*Config, error) {
	file, err := manifest.ParseConfig(raw)
	if err != nil {
		return nil, err
	}
	old, err := manifest.ParseConfig(raw)
	return &Config{File: file, raw: raw, old: old}, err
}

// Old is the config before it was edited. It must not be changed.
func (c *Config) Old() *v1.ConfigFile { return c.old }

// Marshal returns the config as JSON: the bytes that were parsed if nothing was
// changed. Equal configs give equal bytes.
func (c *Config) Marshal() ([]byte, error) {
	top, changed, err := update(c.raw, c.old, c.File)
	if err != nil {
		return nil, fmt.Errorf("writing config: %w", err)
	}
	inner, innerChanged, err := update(top["config"], &c.old.Config, &c.File.Config)
	switch {
	case err != nil:
		return nil, fmt.Errorf("writing config: %w", err)
	case !changed:
		return c.raw, nil
	case innerChanged:
		if top["config"], err = json.Marshal(inner); err != nil {
			return nil, fmt.Errorf("writing config: %w", err)
		}
	}
	return json.Marshal(top)
}

// update returns the keys of the object raw, with those changed that differ between
// before and after. The key "config" counts as changed, and stays as it is.
func update(raw []byte, before, after any) (all map[string]json.RawMessage, changed bool, err error) {
	all = map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, false, err
		}
	}
	if all == nil { // null
		all = map[string]json.RawMessage{}
	}
	was, err := keys(before)
	if err != nil {
		return nil, false, err
	}
	is, err := keys(after)
	if err != nil {
		return nil, false, err
	}
	maps.DeleteFunc(all, func(k string, _ json.RawMessage) bool {
		gone := was[k] != nil && is[k] == nil
		changed = changed || gone
		return gone
	})
	for k, v := range is {
		if bytes.Equal(v, was[k]) {
			continue
		}
		changed = true
		if k != "config" {
			all[k] = v
		}
	}
	return all, changed, nil
}

func keys(v any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	return m, json.Unmarshal(raw, &m)
}
