package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/parts"
	"github.com/dray-oci/dray/pkg/ref"
	"github.com/dray-oci/dray/pkg/serve"
)

// accessLog returns what writes a line for every request. Nothing can be done about
// a stderr that takes nothing, and requests are answered all the same.
func (a *app) accessLog(format string) (func(serve.Access), error) {
	var line func(serve.Access) string
	switch format {
	case "none":
		return nil, nil
	case "text":
		line = accessText
	case "json":
		line = accessJSON
	default:
		return nil, &usageError{fmt.Errorf("--access-log %q: not text, json or none", format)}
	}
	return func(e serve.Access) {
		_ = a.pause(func() error {
			_, err := fmt.Fprintln(a.streams.Err, line(e))
			return err
		})
	}, nil
}

func accessText(e serve.Access) string {
	moved := e.Sent
	if e.Received > 0 {
		moved = e.Received
	}
	return fmt.Sprintf("%s %s %s %s %s %d %d %.3fs %s",
		e.Time.UTC().Format(time.RFC3339), ui.Quote(e.Remote), word(e.User), word(e.Method), word(e.URI),
		e.Status, moved, e.Took.Seconds(), word(e.Agent))
}

// word is s as one word of a line.
func word(s string) string {
	s = cmp.Or(ui.Quote(s), "-")
	if strings.ContainsAny(s, ` "`) {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}

func accessJSON(e serve.Access) string {
	raw, err := json.Marshal(struct {
		serve.Access
		Seconds float64 `json:"seconds"`
	}{e, e.Took.Seconds()})
	if err != nil {
		return "{}" // never: it holds strings, numbers and a time of this era
	}
	return string(raw)
}

// notInRepository is what cannot stand in the name of a repository.
var notInRepository = regexp.MustCompile(`[^a-z0-9]+`)

// nameless is the repository of the images at r whose names have none: the name of
// the folder or the file. In the store all images have full names.
func nameless(r ref.Ref) string {
	if r.Kind == ref.Store {
		return ""
	}
	abs, err := filepath.Abs(r.Path)
	if err != nil || r.Path == "-" {
		return "images"
	}
	base, _, _ := strings.Cut(strings.TrimLeft(strings.ToLower(filepath.Base(abs)), "."), ".tar")
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".tgz"), parts.Suffix)
	return cmp.Or(strings.Trim(notInRepository.ReplaceAllString(base, "-"), "-"), "images")
}
