package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/dray-oci/dray/pkg/event"
	"github.com/dray-oci/dray/pkg/place"
	"github.com/dray-oci/dray/pkg/place/registry/internal/auth"
	"github.com/dray-oci/dray/pkg/place/registry/internal/wire"
	"github.com/dray-oci/dray/pkg/ref"
)

// pageNames is how many names are asked for at once.
const pageNames = 1000

// List visits the tags, a page at a time, in the registry's order. Their roots
// are not looked up. What is no tag by the specification is left out with a warning.
func (r *Repo) List(ctx context.Context, visit func(place.Entry) error) error {
	base := r.name.Base().String()
	var n *names
	err := r.first(ctx, func(m *remote, last bool) error {
		req := m.read(http.MethodGet, "tags", "list")
		req.Once = !last
		n = newNames(m.host, req)
		return n.turn(ctx)
	})
	if err == nil {
		bad := leftOut{events: r.c.o.Events, name: base}
		err = n.visit(ctx, func(tag string) error {
			if _, err := ref.ParseName(base + ":" + tag); err != nil {
				bad.add(fmt.Errorf("leaving out a tag: %w", err))
				return nil
			}
			return visit(place.Entry{Name: tag})
		})
		bad.end()
	}
	if err != nil {
		return fmt.Errorf("listing the tags of %s: %w", base, err)
	}
	return nil
}

// Catalog visits the repositories of a host, without the host, as far as it
// tells them; many registries tell nobody.
func (c *Client) Catalog(ctx context.Context, hostname string, visit func(repository string) error) error {
	n := newNames(c.host(hostname, false), &wire.Request{
		Method: http.MethodGet, Path: "/v2/_catalog", Scopes: []string{auth.Catalog()},
	})
	err := n.turn(ctx)
	if err == nil {
		bad := leftOut{events: c.o.Events, name: hostname}
		err = n.visit(ctx, func(repository string) error {
			if _, err := ref.ParseRepository(hostname + "/" + repository); err != nil {
				bad.add(fmt.Errorf("leaving out a repository: %w", err))
				return nil
			}
			return visit(repository)
		})
		bad.end()
	}
	if err != nil {
		return fmt.Errorf("listing the repositories of %s: %w", hostname, err)
	}
	return nil
}

// leftOut tells of what is left out of a list: of the first, and how many more.
type leftOut struct {
	events event.Handler
	name   string
	n      int
}

// maxLeftOut is how many warnings there are of one list.
const maxLeftOut = 5

func (l *leftOut) add(err error) {
	if l.n++; l.n <= maxLeftOut {
		l.events.Emit(event.Event{Kind: event.Warn, Name: l.name, Err: err})
	}
}

func (l *leftOut) end() {
	if more := l.n - maxLeftOut; more > 0 {
		l.events.Emit(event.Event{Kind: event.Warn, Name: l.name, Text: fmt.Sprintf("%d more names in the list of %s are none and left out", more, l.name)})
	}
}

// names is a list of tags or repositories.
type names struct {
	pages
	first wire.Request // what asked for the first page
	page  []string     // to be visited next
	total int          // of all pages until now
	last  []string     // visited last

	guessed bool // the registry has not said that there is this page
}

func newNames(h *host, req *wire.Request) *names {
	req.Query = url.Values{"n": {strconv.Itoa(pageNames)}}
	return &names{pages: pages{h: h, req: req}, first: *req}
}

// visit visits what is left, page by page.
func (n *names) visit(ctx context.Context, f func(string) error) error {
	for {
		for _, name := range n.page {
			if err := f(name); err != nil {
				return err
			}
		}
		if n.req == nil {
			return nil
		}
		if err := n.turn(ctx); err != nil {
			return err
		}
	}
}

// turn reads the next page.
func (n *names) turn(ctx context.Context) error {
	body, err := n.next(ctx)
	if err != nil {
		return err
	}
	var answer struct{ Tags, Repositories []string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("the list is no JSON of the right form: %w", place.ErrInvalid)
	}
	n.last, n.page = n.page, append(answer.Tags, answer.Repositories...)
	if n.total += len(n.page); n.total > maxNames {
		return fmt.Errorf("more than %d names: %w", maxNames, place.ErrInvalid)
	}
	// Some registries cut the list at n and say nothing of the rest. Those that
	// do not know "last" either begin again: then that was all.
	if n.guessed && len(n.page) > 0 && slices.Contains(n.last, n.page[0]) {
		n.page, n.req = nil, nil
		return nil
	}
	n.guessed = n.req == nil && len(n.page) == pageNames
	if n.guessed {
		next := n.first
		next.Query = url.Values{"n": {strconv.Itoa(pageNames)}, "last": {n.page[pageNames-1]}}
		n.req = &next
	}
	// Pages overlap where names were added since the last one.
	n.page = slices.DeleteFunc(n.page, func(name string) bool { return slices.Contains(n.last, name) })
	return nil
}
