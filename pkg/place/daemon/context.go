package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
)

// maxConfigBytes bounds docker's own files; real ones have some kilobytes.
const maxConfigBytes = 1 << 20

// currentContext returns what config.json names; empty if it names none or
// cannot be read, which is worth a warning and no more, as for docker itself.
func (o Options) currentContext() string {
	if o.ConfigDir == "" {
		return ""
	}
	var c struct {
		CurrentContext string `json:"currentContext"`
	}
	err := readConfig(filepath.Join(o.ConfigDir, "config.json"), &c)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.Events.Emit(event.Event{
			Kind: event.Warn, Err: fmt.Errorf("looking for docker's current context: %w", err),
			Hint: "make the file readable for this user, or set DOCKER_HOST",
		})
	}
	return c.CurrentContext
}

// contextEndpoint reads a context as "docker context create" leaves it.
func (o Options) contextEndpoint(name string) (*endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := readConfig(filepath.Join(o.ConfigDir, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is none of that name: %w", place.ErrNotFound)
		}
		return nil, &adviceError{fmt.Errorf("context %.200q: %w", name, err), "docker context ls shows them"}
	}
	ep := meta.Endpoints["docker"]
	dir := filepath.Join(o.ConfigDir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(dir); err == nil {
		o.TLS, o.TLSVerify = true, !ep.SkipTLSVerify
	} else {
		o.TLS, o.TLSVerify = false, false // that is about DOCKER_HOST
	}
	config, err := o.tlsConfig(dir)
	if err != nil {
		return nil, fmt.Errorf("context %.200q: %w", name, err)
	}
	return newEndpoint(ep.Host, config, o.SSH)
}

func readConfig(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	b, err := readBounded(f, maxConfigBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w: %w", path, place.ErrInvalid, err)
	}
	return nil
}
