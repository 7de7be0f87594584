package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/docker/go-units"
)

// print prints one table: medians, and wall time as a multiple of dray's.
func (b *bench) print(j job, e env, names []string, costs map[string][]cost, failed map[string]error) {
	fmt.Printf("\n### %s, %s%s\n\n", j.name, e.is, b.o.link.describe())
	fmt.Println("| tool | wall | of dray's | CPU | of dray's | memory | temporary | requests |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|")
	wall := func(c cost) float64 { return c.wall }
	cpu := func(c cost) float64 { return c.cpu }
	for _, name := range names {
		if err := failed[name]; err != nil {
			fmt.Printf("| %s | failed | | | | | | |\n", name)
			fmt.Fprintf(os.Stderr, "%s, %s: %v\n", j.name, e.is, err)
			continue
		}
		all, ours := costs[name], costs["dray"]
		ratio := func(get func(cost) float64) string {
			if len(ours) == 0 || failed["dray"] != nil || median(ours, get) == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f", median(all, get)/median(ours, get))
		}
		fmt.Printf("| %s | %.2f s | %s | %.2f s | %s | %s | %s | %.0f |\n", name,
			median(all, wall), ratio(wall), median(all, cpu), ratio(cpu),
			human(median(all, func(c cost) float64 { return c.rss })),
			human(median(all, func(c cost) float64 { return c.temp })),
			median(all, func(c cost) float64 { return c.requests }))
	}
}

func human(n float64) string { return strings.ToUpper(units.HumanSizeWithPrecision(n, 3)) }

func (l *link) describe() string {
	var s string
	if l.delay > 0 {
		s += fmt.Sprintf(", %v more a round trip", l.delay)
	}
	if l.rate > 0 {
		s += fmt.Sprintf(", %s/s a connection", l.rate.String())
	}
	if l.cut > 0 {
		s += fmt.Sprintf(", cut after each %s", l.cut.String())
	}
	return s
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}
