package list

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dray-oci/dray/arch"
	"github.com/dray-oci/dray/pkg/manifest"
	"github.com/dray-oci/dray/pkg/ref"
)

// ReportType is the media type of a report.
const ReportType = "application/vnd.dray.report.v1+json"

// maxReportBytes: 10,000 images of which each failed with an error of 6 KB.
const maxReportBytes = 64 << 20

// A Report says what became of each image of one run, in the order of its list.
type Report struct {
	MediaType string  `json:"mediaType"` // ReportType
	Images    []Image `json:"images"`
}

// An Image is what became of one image.
type Image struct {
	Source    string   `json:"source"`              // what was named, as it was written
	Image     string   `json:"image,omitempty"`     // its name there, where that is a place of many
	As        string   `json:"as,omitempty"`        // its settings in the list
	Platforms []string `json:"platforms,omitempty"` // …
	At        string   `json:"at,omitempty"`        // where it stands in the list: FILE:LINE
	Name      string   `json:"name"`                // where it stands now; empty if under its digest alone, or nowhere
	Digest    string   `json:"digest"`              // of what stands there
	Origin    string   `json:"origin,omitempty"`    // the digest at the source, if that is another
	Bytes     int64    `json:"bytes"`               // of all that it is made of
	Referrers int      `json:"referrers,omitempty"` // what belongs to it and came with it
	OK        bool     `json:"ok"`
	Error     string   `json:"error,omitempty"` // why it is not
}

// NewImage returns what a report says of l before anything is known.
func NewImage(l Line) Image {
	return Image{Source: l.Name, As: l.As, Platforms: words(l.Platforms), At: l.At()}
}

// Write writes r as indented JSON.
func (r Report) Write(w io.Writer) error {
	r.MediaType = ReportType
	if r.Images == nil {
		r.Images = []Image{}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("writing report: %w", err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// ReadReport reads a report called file. Its names and settings are well-formed.
// Errors begin with the name of the file. Keys that are not known are passed over.
func ReadReport(r io.Reader, file string) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxReportBytes+1))
	if err == nil && len(raw) > maxReportBytes {
		err = fmt.Errorf("the report is longer than %d bytes", maxReportBytes)
	}
	report := new(Report)
	if err == nil {
		err = manifest.Decode(raw, report)
	}
	if err == nil && report.MediaType != ReportType {
		err = fmt.Errorf("its mediaType is %.100q, not %s", report.MediaType, ReportType)
	}
	if err == nil && len(report.Images) > maxLines {
		err = fmt.Errorf("there are more than %d images in it", maxLines)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, img := range report.Images {
		if _, err := img.line(); err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", file, i+1, err)
		}
	}
	return report, nil
}

// Failed returns the lines of what failed, each once.
func (r *Report) Failed() []Line {
	var lines []Line
	seen := map[string]bool{}
	for _, img := range r.Images {
		l, err := img.line()
		if img.OK || err != nil || seen[l.String()] {
			continue
		}
		seen[l.String()] = true
		lines = append(lines, l)
	}
	return lines
}

// line is the line of a list that img stands for.
func (img Image) line() (Line, error) {
	l := Line{Name: img.Source, As: img.As}
	if _, err := ref.Parse(l.Name); err != nil {
		return Line{}, err
	}
	if l.As != "" {
		if err := checkAs(l.As); err != nil {
			return Line{}, err
		}
	}
	var err error
	l.Platforms, err = arch.ParseList(img.Platforms)
	return l, err
}
