package wire

import "sync"

// A Client holds the hosts of one run. It is safe for concurrent use.
type Client struct {
	o Options

	mu    sync.Mutex
	hosts map[string]*Host
}

// New returns a Client. It opens nothing.
func New(o Options) *Client {
	o.setDefaults()
	return &Client{o: o, hosts: map[string]*Host{}}
}

// Host returns the registry with that name, as it stands in ref.Name.Host:
// always the same for the same name. Insecure means for all later use of the
// host too: its certificate is not verified, and plain HTTP may be tried.
func (c *Client) Host(name string, insecure bool) *Host {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := name
	if insecure {
		key += " insecure"
	}
	h, ok := c.hosts[key]
	if !ok {
		h = newHost(c.o, name, insecure)
		c.hosts[key] = h
	}
	return h
}

// Close closes the connections that nobody uses.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.Close()
	}
}
