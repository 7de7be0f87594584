// Command bench holds dray against its peers on one machine: it builds them,
// makes images of realistic shapes, starts registries on loopback, and runs each
// tool in turn, over and over, so that whatever else the machine does hits all of
// them alike. What it prints is a Markdown table for each job.
//
//	go run ./bench                          # everything, 2 GB, 5 rounds
//	go run ./bench -size 200MB -rounds 3    # small
//	go run ./bench -job 'archive$' -shape dominant
//	go run ./bench -rate 10MB -delay 50ms   # behind a slow link
//
// docker-registry, skopeo and umoci come from Debian: apt-get install docker-registry
// skopeo umoci.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/docker/go-units"
)

type options struct {
	dir, keep  string
	dray       string
	size       amount
	images     int
	rounds     int
	job, shape string
	tools      string
	link       *link
}

func main() {
	o := options{size: 2e9, link: new(link)}
	flag.StringVar(&o.dir, "dir", "", "`folder` to work in: needs five times the size (default a new one in the system's; a tmpfs leaves the disk out)")
	flag.StringVar(&o.keep, "peers", filepath.Join(os.TempDir(), "dray-bench-peers"), "`folder` where built peers are kept")
	flag.StringVar(&o.dray, "dray", "", "`binary` to measure (default: built from here)")
	flag.Var(&o.size, "size", "of the largest image, compressed")
	flag.IntVar(&o.images, "images", 500, "how many small images")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each tool runs")
	flag.StringVar(&o.job, "job", ".", "only jobs whose name matches this `regexp`")
	flag.StringVar(&o.shape, "shape", ".", "only shapes whose name matches this `regexp`")
	flag.StringVar(&o.tools, "tool", ".", "only tools whose name matches this `regexp`")
	flag.DurationVar(&o.link.delay, "delay", 0, "put a link before the source registry that adds this to every round trip")
	flag.Var(&o.link.rate, "rate", "… that lets no connection be faster than so many bytes a second")
	flag.Var(&o.link.cut, "cut", "… that cuts every connection after so many bytes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	switch {
	case flag.Arg(0) == "fetch":
		err = fetch(ctx, flag.Args()[1:])
	case flag.Arg(0) == "send" && flag.NArg() == 3:
		err = send(ctx, flag.Arg(1), flag.Arg(2))
	default:
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "dray-bench-"); err != nil {
			return err
		}
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	tools, err := peers(ctx, o.keep, o.dray)
	if err != nil {
		return err
	}
	b := &bench{o: o, tools: tools}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.start(ctx); err != nil {
		return err
	}
	fmt.Printf("%s, %s, %d rounds, each tool in turn\n", time.Now().Format(time.DateOnly), machine(), o.rounds)
	return b.all(ctx)
}

// amount is a flag of bytes, like 200MB.
type amount int64

func (b *amount) Set(s string) error {
	n, err := units.FromHumanSize(s)
	*b = amount(n)
	return err
}

func (b *amount) String() string { return units.HumanSize(float64(*b)) }

// matching returns a test for the names that pattern matches.
func matching(pattern string) (func(string) bool, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}
