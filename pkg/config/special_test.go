//go:build unix

package config

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe that nobody writes to, and a device without an end, are passed over.
func TestSpecialFiles(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			var w warnings
			home := tree(t, map[string]string{".docker/config.json": auths(entry("quay.io", "d"))})
			path := filepath.Join(home, "run", "containers", "auth.json")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			cr, err := New(at(home, &w)).Credential(t.Context(), "quay.io", "a/b")
			if err != nil || cr.Username != "d" {
				t.Errorf("%+v, %v", cr, err)
			}
			w.only(t, "no regular file")
		})
	}
}
