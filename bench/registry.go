package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A registry is a running docker-registry.
type registry struct {
	host     string
	root     string
	cmd      *exec.Cmd
	requests atomic.Int64 // that it has answered
	logged   sync.WaitGroup
}

const config = `version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http: {addr: %q}
`

func startRegistry(ctx context.Context, root string) (*registry, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &registry{host: fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port), root: root}
	addr := l.Addr().String()
	if err := errors.Join(l.Close(), os.MkdirAll(root, 0o755)); err != nil {
		return nil, err
	}
	file := filepath.Join(root, "config.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, root, addr), 0o644); err != nil {
		return nil, err
	}
	r.cmd = exec.CommandContext(ctx, "docker-registry", "serve", file)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: apt-get install docker-registry", err)
	}
	r.logged.Go(func() {
		for s := bufio.NewScanner(out); s.Scan(); { // a line for each request
			r.requests.Add(1)
		}
	})
	return r, r.wait(ctx)
}

func (r *registry) wait(ctx context.Context) error {
	for range 100 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.host+"/v2/", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.Join(errors.New("the registry does not start"), r.stop())
}

// stop ends the registry and removes what it held.
func (r *registry) stop() error {
	err := r.cmd.Process.Kill()
	r.logged.Wait()
	_ = r.cmd.Wait() // that it was killed
	return errors.Join(err, os.RemoveAll(r.root))
}
