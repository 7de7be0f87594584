package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/dray-oci/dray/pkg/place"
)

// Load sends the archive r to the engine. It returns when the engine has
// answered that it took it, and closes r, whose Close must be free to interrupt a
// Read as that of a pipe is.
func (e *Engine) Load(ctx context.Context, r io.ReadCloser) error {
	defer r.Close() // only read
	// Net/http waits for a Read of the body, however long, before it gives up.
	defer context.AfterFunc(ctx, func() { r.Close() })()
	resp, err := e.do(ctx, http.MethodPost, "/images/load", map[string]string{"quiet": "1"}, r)
	if err != nil {
		return err
	}
	err = loadAnswer(resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// maxMessageBytes bounds one line of the answer to a load.
const maxMessageBytes = 1 << 20

// loadAnswer reads what the engine says while it loads: an object a line. It
// answers 200 before it knows, so failure is in one of the objects.
func loadAnswer(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxMessageBytes)
	for lines.Scan() {
		var m struct {
			Error       string
			ErrorDetail struct{ Message string }
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("docker answers %.200q: %w: %w", lines.Bytes(), place.ErrInvalid, err)
		}
		if m.Error == "" {
			m.Error = m.ErrorDetail.Message
		}
		if m.Error != "" {
			return fmt.Errorf("docker says: %.1000s", m.Error)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading docker's answer: %w", err)
	}
	return nil
}
