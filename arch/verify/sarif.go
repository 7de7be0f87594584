package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// The parts of SARIF 2.1.0 that code scanning services read.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID     string            `json:"ruleId"`
	Level      Severity          `json:"level"`
	Message    sarifText         `json:"message"`
	Locations  []sarifLocation   `json:"locations"`
	Properties map[string]string `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// WriteSARIF writes the findings of the reports as one SARIF 2.1.0 document; version is
// that of the program that calls.
func WriteSARIF(w io.Writer, version string, reports ...*Report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "dray", Version: version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for _, r := range reports {
		for _, f := range r.Findings {
			run.add(r, "", f)
		}
		for _, p := range r.Platforms {
			for _, f := range p.Findings {
				run.add(r, p.Platform, f)
			}
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	if err := enc.Encode(log); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	return nil
}

func (run *sarifRun) add(r *Report, platform string, f Finding) {
	rules := &run.Tool.Driver.Rules
	if !slices.ContainsFunc(*rules, func(rule sarifRule) bool { return rule.ID == string(f.Kind) }) {
		*rules = append(*rules, sarifRule{ID: string(f.Kind), Short: sarifText{f.Kind.About()}})
	}
	text := f.line()
	if platform != "" {
		text = platform + ": " + text
	}
	run.Results = append(run.Results, sarifResult{
		RuleID: string(f.Kind), Level: f.Severity, Message: sarifText{text},
		Locations:  []sarifLocation{f.location(r, platform)},
		Properties: f.properties(r),
	})
}

// location is the file in the image, or what stands for the image where there is none:
// services want one for every result.
func (f Finding) location(r *Report, platform string) sarifLocation {
	uri := f.Path
	if uri == "" {
		uri = "manifest.json"
	}
	name := r.Reference
	if platform != "" {
		name += " " + platform
	}
	return sarifLocation{
		Physical: sarifPhysical{sarifArtifact{escapePath(uri)}},
		Logical:  []sarifLogical{{Name: name, Kind: "module"}},
	}
}

// escapePath writes a path as a relative reference (RFC 3986).
func escapePath(p string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(p) {
		switch c := p[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '/', c == '.', c == '-', c == '_', c == '~', c == '+', c == '@', c == ',':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func (f Finding) properties(r *Report) map[string]string {
	p := map[string]string{"image": r.Digest}
	for k, v := range map[string]string{"layer": f.Layer, "digest": f.Digest, "found": f.Found, "expected": f.Expected} {
		if v != "" {
			p[k] = v
		}
	}
	return p
}
