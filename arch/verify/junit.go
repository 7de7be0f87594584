package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The form that CI systems read: a suite for the image, a case for every platform and one
// for the image as a whole.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Failure   *junitFailure `xml:"failure,omitempty"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the reports as one JUnit XML document. What XML cannot hold is
// replaced.
func WriteJUnit(w io.Writer, reports ...*Report) error {
	doc := junitSuites{}
	for _, r := range reports {
		doc.Suites = append(doc.Suites, r.junit())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("writing JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) junit() junitSuite {
	name := r.Reference
	if name == "" {
		name = r.Digest
	}
	s := junitSuite{Name: name}
	whole := OK
	for _, f := range r.Findings {
		if f.Severity == Error {
			whole = "FAILED"
		}
	}
	s.add("image", whole, r.Findings)
	for _, p := range r.Platforms {
		s.add(p.Platform, p.Verdict, p.Findings)
	}
	return s
}

func (s *junitSuite) add(name string, v Verdict, fs []Finding) {
	c := junitCase{Name: name, ClassName: s.Name}
	var errors, others []string
	for _, f := range fs {
		if f.Severity == Error {
			errors = append(errors, f.line())
		} else {
			others = append(others, string(f.Severity)+": "+f.line())
		}
	}
	if !v.Passes() {
		c.Failure = &junitFailure{Type: string(v), Message: string(v), Text: strings.Join(errors, "\n")}
		if len(errors) > 0 {
			c.Failure.Message += ": " + errors[0]
		}
		s.Failures++
	}
	c.Output = strings.Join(others, "\n")
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// line is the finding as one line of text.
func (f Finding) line() string {
	if f.Fix != "" {
		return f.Text + " (fix: " + f.Fix + ")"
	}
	return f.Text
}
