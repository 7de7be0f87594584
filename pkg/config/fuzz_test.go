package config

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever a file holds: it is refused, or every key in it can be looked up, and a login
// changes nothing but its own entry.
func FuzzAuthFile(f *testing.F) {
	for _, s := range []string{
		"", "null", `{"auths":null}`, `{"auths":{"":{}}}`, auths(entry("quay.io", "u"), entry("https://quay.io/v1/", "v")),
		`{"auths":{"docker.io":{"auth":"Og=="}},"credsStore":"x","credHelpers":{"a":"b","A":""}}`,
		`{"auths":{"h":{"identitytoken":"x","auth":"PHRva2VuPjp4"}},"more":[1e400,"é"]}`,
		`{"auths":{"a":{"auth":"Og=="}},"Auths":{"b":{}},"auths":{"c":{}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := parseAuth(raw)
		if err != nil {
			return
		}
		for raw := range d.auths {
			key := normalKey(raw)
			if _, ok := d.byKey[key]; !ok {
				t.Errorf("%q (%q) is not found", raw, key)
			}
			_, _ = d.entry(key)
			d.helper(key)
		}
		file := authFile{path: filepath.Join(t.TempDir(), "auth.json")}
		if err := os.WriteFile(file.path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		drop := d.spellings("quay.io")
		if err := file.rewrite(drop, "quay.io", []byte(basic("new", "pw"))); err != nil {
			t.Fatalf("what was read cannot be rewritten: %v", err)
		}
		after := file.load()
		if after.err != nil {
			t.Fatal(after.err)
		}
		if cr, err := after.entry("quay.io"); err != nil || cr.Username != "new" {
			t.Errorf("the login reads back as %q, %v", cr.Username, err)
		}
		maps.DeleteFunc(d.auths, func(k string, _ authEntry) bool { return slices.Contains(drop, k) })
		delete(after.auths, "quay.io")
		if len(d.auths)+len(after.auths) > 0 {
			if diff := cmp.Diff(d.auths, after.auths); diff != "" {
				t.Error(diff)
			}
		}
		if diff := cmp.Diff(d.helpers, after.helpers, cmp.AllowUnexported(helper{})); diff != "" || d.store != after.store {
			t.Error(diff, d.store, after.store)
		}
		if !json.Valid(read(t, file.path)) {
			t.Error("not JSON")
		}
	})
}
