package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/dray-oci/dray/pkg/place"
)

// newestVersion is the last version of the API that this client was written
// for; what it uses has been there since 1.24.
const newestVersion = "1.51"

// version returns the version to speak with an engine whose newest is offered.
func version(offered string) string {
	if !regexp.MustCompile(`^1\.[0-9]{1,3}$`).MatchString(offered) {
		return "" // an engine takes requests without a version for its newest
	}
	if minor(offered) > minor(newestVersion) {
		return newestVersion
	}
	return offered
}

func minor(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "1.")) // the pattern sees to it
	return n
}

// do sends a request and returns the answer if its status is one of success;
// the caller closes its body. It closes body, also on errors.
func (e *Engine) do(ctx context.Context, method, path string, query map[string]string, body io.ReadCloser) (*http.Response, error) {
	u := url.URL{Scheme: e.endpoint.scheme, Host: e.endpoint.host, Path: path}
	if e.version != "" {
		u.Path = "/v" + e.version + path
	}
	q := url.Values{}
	for k, v := range query {
		q.Set(k, v)
	}
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Body = body
		req.ContentLength = -1 // chunked
		req.Header.Set("Content-Type", "application/x-tar")
	}
	resp, err := e.http.Do(req)
	if err != nil {
		return nil, e.unreachable(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, statusError(resp)
	}
	return resp, nil
}

// unreachable says why a request got no answer.
func (e *Engine) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the method and the URL, which say nothing here
	}
	return e.endpoint.explain(err)
}

// maxErrorBytes is how much of an answer that says no is read.
const maxErrorBytes = 64 << 10

// statusError makes an error of an answer that is no success.
func statusError(resp *http.Response) error {
	// What could not be read leaves the status to speak for itself.
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	var m struct{ Message string }
	text := strings.TrimSpace(string(b))
	if json.Unmarshal(b, &m) == nil && m.Message != "" {
		text = m.Message
	}
	err := fmt.Errorf("docker says %d: %.1000s", resp.StatusCode, text)
	switch resp.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", place.ErrNotFound, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %w", place.ErrDenied, err)
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: %w", place.ErrUnavailable, err)
	}
	return err
}

// readBounded reads r to its end, which must come within most bytes.
func readBounded(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("more than %d bytes: %w", most, place.ErrInvalid)
	}
	return b, err
}
