package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

// verifyWriter returns what writes the reports in a format.
func (a *app) verifyWriter(format string) (func([]verified) error, error) {
	switch format {
	case "junit":
		return func(all []verified) error { return verify.WriteJUnit(a.streams.Out, reportsOf(all)...) }, nil
	case "sarif":
		return func(all []verified) error {
			return verify.WriteSARIF(a.streams.Out, a.env.Version.orDefault(), reportsOf(all)...)
		}, nil
	}
	f, err := parseFormat(format, verified{})
	if err != nil {
		return nil, err
	}
	return func(all []verified) error {
		text := func(w io.Writer) error { return writeVerified(w, all) }
		if len(all) == 1 {
			return a.streams.Print(f, all[0], text)
		}
		return ui.PrintList(a.streams, f, all, text)
	}, nil
}

func reportsOf(all []verified) []*verify.Report {
	reports := make([]*verify.Report, 0, len(all))
	for _, v := range all {
		reports = append(reports, v.Report)
	}
	return reports
}

func writeVerified(w io.Writer, all []verified) error {
	for i, v := range all {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := writeVerifiedOne(w, v); err != nil {
			return err
		}
	}
	return nil
}

func writeVerifiedOne(w io.Writer, v verified) error {
	if err := writeLines(w, v.Reference+"@"+v.Digest); err != nil {
		return err
	}
	rows := make([][]string, 0, len(v.Platforms))
	for _, p := range v.Platforms {
		rows = append(rows, []string{p.Platform, cmp.Or(p.Digest, "-"), cmp.Or(p.Index, "-"), cmp.Or(p.Config, "-"), cmp.Or(p.Binaries, "-"), string(p.Verdict)})
	}
	if len(rows) > 0 {
		if err := ui.Table(w, []string{"PLATFORM", "DIGEST", "INDEX", "CONFIG", "BINARIES", "VERDICT"}, rows); err != nil {
			return err
		}
	}
	if err := writeLines(w, findingLines(v.Report)...); err != nil {
		return err
	}
	if len(v.Engines) > 0 {
		if err := writeEngines(w, v.Engines); err != nil {
			return err
		}
	}
	return writeLines(w, summary(v.Report))
}

// findingLines are the findings, those on the image as a whole first.
func findingLines(r *verify.Report) []string {
	var lines []string
	add := func(of string, fs []verify.Finding) {
		for _, f := range fs {
			text := f.Text
			if !strings.HasPrefix(text, of+" ") {
				text = of + ": " + text
			}
			lines = append(lines, fmt.Sprintf("%s: %s", f.Severity, text))
			if f.Fix != "" {
				lines = append(lines, "  fix: "+f.Fix)
			}
		}
	}
	add("image", r.Findings)
	for _, p := range r.Platforms {
		add(p.Platform, p.Findings)
	}
	return lines
}

func writeEngines(w io.Writer, engines []verify.Engine) error {
	rows := make([][]string, 0, len(engines))
	for _, e := range engines {
		loads := "no"
		if e.Loads {
			loads = "yes"
		}
		rows = append(rows, []string{e.Name, loads, strings.Join(e.Sees, "; "), e.Why})
	}
	return ui.Table(w, []string{"ENGINE", "LOADS IT", "SEES", "WHY"}, rows)
}

// summary is the whole in one line.
func summary(r *verify.Report) string {
	var bad []string
	for _, p := range r.Platforms {
		if !p.Verdict.Passes() {
			bad = append(bad, p.Platform+" "+string(p.Verdict))
		}
	}
	read := fmt.Sprintf("%d of %d layers read, %s", r.Layers.Read, r.Layers.Total, ui.Size(r.Layers.Bytes))
	if r.Layers.Toc > 0 {
		read += fmt.Sprintf(", and of %d the tables of contents", r.Layers.Toc)
	}
	switch {
	case r.OK:
		return fmt.Sprintf("OK: platforms: %d; %s", len(r.Platforms), read)
	case len(bad) == 0:
		return "the image as a whole is not right; " + read
	}
	return strings.Join(bad, ", ") + "; " + read
}

func writeLines(w io.Writer, lines ...string) error {
	for _, l := range lines {
		if _, err := io.WriteString(w, ui.Quote(l)+"\n"); err != nil {
			return err
		}
	}
	return nil
}
