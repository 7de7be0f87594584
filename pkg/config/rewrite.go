package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// rewrite takes keys out of the file's auths and, unless entry is nil, puts entry in under
// key. Every other member and entry keeps its value, known or not.
func (f authFile) rewrite(drop []string, key string, entry []byte) error {
	path, err := target(f.path)
	if err == nil {
		err = edit(path, drop, key, entry)
	}
	if err != nil {
		return &problem{fmt.Errorf("rewriting %s: %w", f.path, bare(err)), readHint(f.path, err)}
	}
	return nil
}

func edit(path string, drop []string, key string, entry []byte) error {
	old, err := readFile(path, maxAuthFileBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	members, err := object(old)
	if err != nil {
		return err
	}
	auths, err := object(members["auths"])
	if err != nil {
		return err
	}
	for _, k := range drop {
		delete(auths, k)
	}
	if entry != nil {
		auths[key] = entry
	}
	if members["auths"], err = marshal(auths); err != nil {
		return err
	}
	b, err := marshal(members)
	if err != nil {
		return err
	}
	return replace(path, b)
}

// object takes the members of a JSON object apart, unread. Nothing, and null, is an empty one.
func object(b []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(bytes.TrimSpace(b)) > 0 {
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, jsonProblem(err)
		}
	}
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	return m, nil
}

// marshal indents as docker does and leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// target follows a symbolic link, which people have in place of a config.json that they
// keep elsewhere: the link stays, what it points to is replaced.
func target(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	if link, err := os.Readlink(path); err == nil {
		if filepath.IsAbs(link) {
			return link, nil
		}
		return filepath.Join(filepath.Dir(path), link), nil
	}
	return path, nil
}

// replace puts a file of mode 0600 in place of path, whole or not at all.
func replace(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".config-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	keepOwner(tmp, path)
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}
