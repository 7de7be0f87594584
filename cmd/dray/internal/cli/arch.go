package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/arch/verify"
	"github.com/dray-oci/dray/arch/verify/cuda"
	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/open"
)

// archFlags are those of arch alone.
type archFlags struct {
	host  string
	check bool
}

func newArch(a *app) *cobra.Command {
	var v archFlags
	cmd := &cobra.Command{
		Use:   "arch NAME",
		Short: "List the platforms of an image, and say which one would run here",
		Long: `List the platforms of an image as they are labelled, with the attestations that speak of them, and
say which one this machine takes and why: because it is exactly the same, a compatible variant, or
through an emulator that the kernel has registered (binfmt_misc). Of images for NVIDIA GPUs
it is said what they ask of the driver, and which one is here. No layer is read: dray verify
says whether the labels are true.

With --check the exit code is the answer: 0 if it runs here, 5 if not, or not for certain.`,
		Example: `  dray arch alpine:3.20
  dray arch --check ghcr.io/org/app:1.2
  dray arch --host linux/arm/v6 alpine:3.20
  dray arch --format json app.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.arch(cmd.Context(), args[0], v) },
	}
	fs := cmd.Flags()
	fs.StringVar(&v.host, "host", "", "ask for another machine: `os/arch[/variant]`")
	fs.BoolVar(&v.check, "check", false, "exit with 5 unless it runs here")
	a.outputFlags(fs, "leave notes out", surveyed{})
	a.lookFlags(fs)
	return cmd
}

// surveyed is what arch prints.
type surveyed struct {
	*verify.Survey
	Answer verify.Answer `json:"answer"` // for this machine, or that of --host
}

func (a *app) arch(ctx context.Context, name string, v archFlags) error {
	f, err := a.format()
	if err != nil {
		return err
	}
	host, err := hostOf(v.host)
	if err != nil {
		return err
	}
	var s surveyed
	err = a.lookAt(ctx, name, func(src *open.Source, img open.Image) error {
		survey, err := verify.TakeSurvey(ctx, src, img.Root, src.Ref.String())
		if err != nil {
			return err
		}
		s = surveyed{survey, survey.For(host)}
		return nil
	})
	if err != nil {
		return err
	}
	who := s.Answer.Host
	if v.host == "" {
		who = "this machine (" + who + ")"
	}
	if err := a.streams.Print(f, s, func(w io.Writer) error { return writeSurvey(w, s, who, time.Now()) }); err != nil {
		return err
	}
	if v.check {
		return check(name, s.Answer)
	}
	return nil
}

// hostOf is this machine, or the one that is asked for, of which nothing else is known.
func hostOf(asked string) (verify.Host, error) {
	if asked == "" {
		return verify.HostOf(arch.Host(), os.DirFS("/")), nil
	}
	p, err := arch.Parse(asked)
	if err != nil {
		return verify.Host{}, err
	}
	if err := p.Valid(); err != nil {
		return verify.Host{}, &usageError{fmt.Errorf("--host: %w", err)}
	}
	return verify.Host{Platform: p, Unseen: true, NoDriver: "it is another machine"}, nil
}

// check is the answer as an exit code.
func check(name string, answer verify.Answer) error {
	if !answer.How.Runs() {
		return &verifyError{fmt.Errorf("checking %s: it does not run on %s: %s", name, answer.Host, answer.Reason)}
	}
	if g := answer.GPU; g != nil && g.Met == cuda.No {
		return &verifyError{fmt.Errorf("checking %s: the GPU driver of %s is not what it requires: %s", name, answer.Host, strings.Join(g.Facts, "; "))}
	}
	return nil
}

func writeSurvey(w io.Writer, s surveyed, who string, now time.Time) error {
	if err := writeLines(w, s.Reference+"@"+s.Digest); err != nil {
		return err
	}
	header := []string{"", "PLATFORM", "DIGEST", "SIZE", "LAYERS", "CREATED", "OS VERSION"}
	var rows [][]string
	for i, r := range s.Platforms {
		rows = append(rows, surveyRow(r, i == s.Answer.Index, now))
		for _, att := range r.Attestations {
			rows = append(rows, []string{"", "  attestation", att.Digest, strings.Join(att.Types, ", ")})
		}
	}
	if err := ui.Table(w, header, rows); err != nil {
		return err
	}
	return writeLines(w, answerLines(s.Answer, who)...)
}

func surveyRow(r verify.Row, taken bool, now time.Time) []string {
	mark := ""
	if taken {
		mark = "*"
	}
	if r.Problem != "" {
		return []string{mark, r.Platform, r.Digest, r.Problem}
	}
	created := time.Time{}
	if r.Created != nil {
		created = *r.Created
	}
	return []string{mark, r.Platform, r.Digest, ui.Size(r.Size), strconv.Itoa(r.Layers), ui.Age(created, now), r.OSVersion}
}

// answerLines say what who takes.
func answerLines(answer verify.Answer, who string) []string {
	line := fmt.Sprintf("%s takes none of them: %s", who, answer.Reason)
	if answer.Index >= 0 {
		line = fmt.Sprintf("%s takes %s: %s", who, answer.Platform, answer.Reason)
	}
	lines := []string{line}
	if answer.GPU != nil {
		for _, f := range answer.GPU.Facts {
			lines = append(lines, "GPU: "+f)
		}
	}
	for _, n := range answer.Notes {
		lines = append(lines, "note: "+n)
	}
	return lines
}
