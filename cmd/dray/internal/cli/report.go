package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
	"github.com/dray-oci/dray/pkg/inspect"
)

// writeReports writes what inspect shows a person.
func writeReports(w io.Writer, all []inspected, now time.Time) error {
	for i, r := range all {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := writeReport(w, r, now); err != nil {
			return err
		}
	}
	return nil
}

func writeReport(w io.Writer, r inspected, now time.Time) error {
	var f facts
	f.add("Name", r.Reference)
	if len(r.Names) != 1 || !strings.HasSuffix(r.Reference, r.Names[0]) {
		f.add("Names there", r.Names...)
	}
	f.add("Digest", r.Digest.String())
	f.add("Media type", string(r.MediaType))
	f.add("Artifact type", r.ArtifactType)
	if r.Subject != nil {
		f.add("Subject", r.Subject.Digest.String())
	}
	isIndex := r.MediaType.IsIndex()
	if isIndex {
		f.add("Size", ui.Size(r.TotalSize)+", what platforms share counted once")
	} else {
		f.addImage(&r.Images[0], now)
	}
	f.add("Annotations", pairs(r.Annotations)...)
	if err := ui.Table(w, nil, f.rows); err != nil {
		return err
	}
	table := layerTable
	if isIndex {
		table = func(images []inspect.Image) ([]string, [][]string) { return platformTable(images, now) }
	}
	header, rows := table(r.Images)
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return ui.Table(w, header, rows)
}

// platformTable is the images of an index.
func platformTable(images []inspect.Image, now time.Time) (header []string, rows [][]string) {
	header = []string{"PLATFORM", "DIGEST", "SIZE", "LAYERS", "CREATED"}
	attested := slices.ContainsFunc(images, func(img inspect.Image) bool { return len(img.Attestations) > 0 })
	if attested {
		header = append(header, "ATTESTATIONS")
	}
	for _, img := range images {
		kind := cmp.Or(img.Platform, img.ArtifactType, string(img.ConfigDescriptor.MediaType), string(img.MediaType))
		row := []string{kind, img.Digest.String(), ui.Size(img.TotalSize), strconv.Itoa(len(img.Layers)), ui.Age(img.Created, now)}
		if img.Missing {
			row = append(row[:2], "not here", "-", "-")
		}
		if attested {
			row = append(row, strconv.Itoa(len(img.Attestations)))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// layerTable is the layers of the only image.
func layerTable(images []inspect.Image) (header []string, rows [][]string) {
	for _, l := range images[0].Layers {
		rows = append(rows, []string{l.Digest.String(), ui.Size(l.Size), string(l.MediaType)})
	}
	return []string{"LAYER", "SIZE", "MEDIA TYPE"}, rows
}

// facts are lines of a word and what it is.
type facts struct{ rows [][]string }

// add adds a line, and one for every further value; none for empty values.
func (f *facts) add(word string, values ...string) {
	word += ":"
	for _, v := range values {
		if v == "" {
			continue
		}
		f.rows = append(f.rows, []string{word, v})
		word = ""
	}
}

func (f *facts) addImage(img *inspect.Image, now time.Time) {
	f.add("Platform", img.Platform)
	if !img.Created.IsZero() {
		f.add("Created", fmt.Sprintf("%s (%s)", img.Created.UTC().Format(time.RFC3339), ui.Age(img.Created, now)))
	}
	f.add("Author", img.Author)
	f.add("Size", ui.Size(img.TotalSize)+" in "+plural(len(img.Layers), "layer"))
	f.add("Config", img.ConfigDescriptor.Digest.String())
	if img.Config == nil {
		f.add("Config type", string(img.ConfigDescriptor.MediaType))
	} else {
		f.addConfig(img)
	}
	if n := len(img.Attestations); n > 0 {
		f.add("Attestations", strconv.Itoa(n))
	}
}

func (f *facts) addConfig(img *inspect.Image) {
	c := img.Config
	f.add("Entrypoint", words(c.Entrypoint))
	f.add("Cmd", words(c.Cmd))
	f.add("User", c.User)
	f.add("Working dir", c.WorkingDir)
	f.add("Env", c.Env...)
	f.add("Ports", slices.Sorted(maps.Keys(c.ExposedPorts))...)
	f.add("Volumes", slices.Sorted(maps.Keys(c.Volumes))...)
	f.add("Labels", pairs(c.Labels)...)
	f.add("Stop signal", c.StopSignal)
	f.add("Shell", words(c.Shell))
	if c.Healthcheck != nil {
		f.add("Health check", words(c.Healthcheck.Test))
	}
	f.add("On build", c.OnBuild...)
}

// words is a command as its Dockerfile would have it: ["/bin/sh","-c"].
func words(args []string) string {
	if len(args) == 0 {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(args) // strings to a buffer
	return strings.TrimSpace(b.String())
}

func pairs(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k+"="+m[k])
	}
	return all
}
