package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
)

func TestSecretDoesNotShow(t *testing.T) {
	cr := Credential{Key: "h", Username: "me", Password: NewSecret("hunter2"), IdentityToken: NewSecret("hunter3"), RegistryToken: NewSecret("hunter4")}
	o := Options{Given: []Credential{cr}}
	hidden := struct{ inner *struct{ cr Credential } }{&struct{ cr Credential }{cr}}
	var out bytes.Buffer
	for _, v := range []any{cr.Password, &cr.Password, cr, &cr, []Credential{cr}, o, &o, New(o), *hidden.inner, hidden, map[string]Secret{"a": cr.Password}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		fmt.Fprintln(&out, v)
	}
	for _, v := range []any{cr, o.Given, cr.Password} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "cr", cr, "s", cr.Password)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "cr", cr, "s", cr.Password)
	mustNotContain(t, "output", out.Bytes(), "hunter", "68756e746572")
	if !bytes.Contains(out.Bytes(), []byte(redacted)) {
		t.Error("nothing shows that there is a secret")
	}
	if got := cr.Password.Reveal(); got != "hunter2" {
		t.Errorf("revealed %q", got)
	}
	if s := fmt.Sprint(Secret{}); s != "" || !NewSecret("").IsZero() {
		t.Errorf("empty secret shows %q", s)
	}
}
