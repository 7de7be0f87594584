package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A cost is what one run took.
type cost struct {
	wall, cpu float64 // seconds
	rss       float64 // most memory, bytes
	temp      float64 // most bytes in the temporary folder
	requests  float64 // to the registries
	received  float64 // bytes through the link
}

// measure runs a tool with a home and a temporary folder of its own.
func measure(ctx context.Context, args []string, home, tmp string) (cost, error) {
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return cost{}, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// Extra certificates cost whoever looks at them early, and nobody needs any here.
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE=", "SSL_CERT_DIR=", "HOME="+home, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "DRAY_HOME=", "TMPDIR="+tmp)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	done, peak := make(chan struct{}), make(chan float64)
	go func() { peak <- largest(done, tmp) }()
	start := time.Now()
	err := cmd.Run()
	c := cost{wall: time.Since(start).Seconds()}
	close(done)
	c.temp = <-peak
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, lastLine(out.Bytes()))
	}
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	c.rss = maxRSS(cmd.ProcessState)
	return c, os.RemoveAll(tmp)
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	b = b[bytes.LastIndexByte(b, '\n')+1:]
	return b[:min(len(b), 300)]
}

// largest looks at a folder until done, and returns how large it ever was.
func largest(done <-chan struct{}, dir string) (peak float64) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			peak = max(peak, sizeOf(dir))
		case <-done:
			return max(peak, sizeOf(dir))
		}
	}
}

// sizeOf returns how many bytes the files in dir have; what goes away meanwhile has none.
func sizeOf(dir string) (n float64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if fi, err := e.Info(); err == nil {
			n += float64(fi.Size())
		}
		return nil
	})
	return n
}

// median returns the middle of what get says of each cost.
func median(all []cost, get func(cost) float64) float64 {
	var v []float64
	for _, c := range all {
		v = append(v, get(c))
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
