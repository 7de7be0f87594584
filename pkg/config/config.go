package config

import (
	"crypto/x509"
	"sync"
	"time"
)

// Config answers from the configuration that its [Options] name. Nothing is read before it
// is asked for; files are then kept as they were read until a Login or Logout through this
// Config. It is safe for concurrent use.
type Config struct {
	opts          Options
	helperTimeout time.Duration
	now           func() time.Time

	registries func() ([]registry, error)
	roots      func() (*x509.CertPool, error)

	edit sync.Mutex // held while Login and Logout read and rewrite files

	mu      sync.Mutex // guards what follows
	docs    []*authDoc // nil until first used
	answers map[helper]*answer
	told    map[string]bool
}

// New returns a Config. It reads nothing yet.
func New(o Options) *Config {
	c := &Config{opts: o, helperTimeout: helperTimeout, now: time.Now}
	c.registries = sync.OnceValues(func() ([]registry, error) { return loadRegistries(o) })
	c.roots = sync.OnceValues(c.loadRoots)
	c.forget()
	return c
}

// warn tells of a problem, once.
func (c *Config) warn(err error) {
	c.mu.Lock()
	known := c.told[err.Error()]
	c.told[err.Error()] = true
	c.mu.Unlock()
	if !known && c.opts.Warn != nil {
		c.opts.Warn(err)
	}
}

// forget has files and helpers asked again. What was told stays told.
func (c *Config) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.docs = nil
	c.answers = map[helper]*answer{}
	if c.told == nil {
		c.told = map[string]bool{}
	}
}
