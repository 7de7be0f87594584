package parts_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/place"
)

// parityOfTheAlphabet is what two parity files of "abcde", "fghij", "klmno" and "p" hold.
const parityOfTheAlphabet = "c809b4dff2 8767f685a0"

func document(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile(write(t, t.TempDir(), []byte("abcdefghijklmnop"), 5, 2))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestParse(t *testing.T) {
	good := document(t)
	if _, err := parts.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][]string{
		"a later version":      {`.parts.v1+`, `.parts.v2+`},
		"no version":           {`"mediaType": "application/vnd.dray.parts.v1+json",`, ``},
		"a path":               {`"name": "x.tar",`, `"name": "../x.tar",`},
		"a path of Windows":    {`"name": "x.tar",`, `"name": "..\\x.tar",`},
		"no name":              {`"name": "x.tar",`, ``},
		"a name of another":    {`"name": "x.tar.002"`, `"name": "y.tar.002"`},
		"another size":         {`"size": 16`, `"size": 17`},
		"more parts than that": {`"size": 16`, `"size": 999999`},
		"a negative size":      {`"partSize": 5`, `"partSize": -5`},
		"no size of parts":     {`"partSize": 5,`, ``},
		"a short part":         {`"size": 5`, `"size": 4`},
		"no hexadecimal":       {`"sha256": "`, `"sha256": "x`},
		"another case":         {`"mediaType"`, `"MediaType"`},
		"twice":                {`"size": 16,`, `"size": 16, "size": 16,`},
		"more after it":        {"}\n", "}\n{}"},
		"cut":                  {`"parity"`, ``},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		if changed == good {
			t.Fatalf("%s: nothing changed", what)
		}
		_, err := parts.Parse([]byte(changed))
		if !errors.Is(err, place.ErrInvalid) && !errors.Is(err, place.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parts.json")
	if err := os.WriteFile(path, []byte(`{"mediaType":"`+parts.Type+`","name":"`+strings.Repeat("a", 2<<20)+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := parts.Read(path); !errors.Is(err, place.ErrInvalid) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%v", err)
	}
}

// FuzzParse holds that what is accepted can be written, and reads back the same.
func FuzzParse(f *testing.F) {
	f.Add(document(f))
	f.Add(`{"mediaType":"application/vnd.dray.parts.v1+json","name":"a","size":1,"sha256":"","partSize":9223372036854775807,"parts":[{}]}`)
	f.Add(`{"mediaType":"application/vnd.dray.parts.v1+json","size":-1}`)
	f.Fuzz(func(t *testing.T, raw string) {
		d, err := parts.Parse([]byte(raw))
		if err != nil {
			return
		}
		c := d.Cut()
		if len(d.Parts)+len(d.Parity) > parts.MaxShards || c.Count() != len(d.Parts) {
			t.Errorf("%d parts, %d parity", len(d.Parts), len(d.Parity))
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parts.Parse(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
	})
}
