package registry

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
)

// maxRemotes bounds those whose state is kept; a list of a thousand images names as many.
const maxRemotes = 4096

// A remote is a repository at one host, and what has been learnt about it, which all
// Repos share that talk to it.
type remote struct {
	*host
	repository string
	down       atomic.Bool // a mirror that did not answer is not asked again
	probing    sync.Mutex
	noAPI      atomic.Bool // no such route, so that asking for another subject is of no use
	tags       digestTags
}

type remoteKey struct {
	host       *host
	repository string
}

func (c *Client) remote(ep Endpoint) *remote {
	key := remoteKey{c.host(ep.Host, ep.Insecure), ep.Repository}
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.remotes[key]
	if !ok {
		if len(c.remotes) >= maxRemotes {
			clear(c.remotes)
		}
		m = &remote{host: key.host, repository: key.repository}
		c.remotes[key] = m
	}
	return m
}

// path returns the path of what lies below the repository.
func (m *remote) path(elem ...string) string {
	return "/v2/" + m.repository + "/" + strings.Join(elem, "/")
}

// read returns a request that changes nothing.
func (m *remote) read(method string, elem ...string) *wire.Request {
	return &wire.Request{
		Method: method, Path: m.path(elem...), Header: http.Header{},
		Repository: m.repository, Scopes: []string{auth.Pull(m.repository)},
	}
}

// write returns a request of somebody who writes: it may also be a question, so
// that one token does for all.
func (m *remote) write(method string, elem ...string) *wire.Request {
	r := m.read(method, elem...)
	r.Scopes = []string{auth.Push(m.repository)}
	return r
}

// refused reports whether err is the answer of a registry that does not know, or
// not like, what it was asked: by what means its routes happen to say so. That it
// wants other credentials, or will not answer now, is something else.
func refused(err error) bool {
	var e *wire.Error
	return errors.Is(err, place.ErrUnsupported) || errors.As(err, &e) && e.Status >= 400 && e.Status < 500 &&
		!errors.Is(err, place.ErrDenied) && !errors.Is(err, place.ErrUnavailable)
}

// kind is the part of the path under which d lies.
func kind(d v1.Descriptor) string {
	if manifest.Is(d.MediaType) {
		return "manifests"
	}
	return "blobs"
}

// accept returns the media types that are understood, for an Accept header.
func accept() string {
	return strings.Join([]string{
		string(types.OCIImageIndex), string(types.DockerManifestList),
		string(types.OCIManifestSchema1), string(types.DockerManifestSchema2),
	}, ", ")
}
