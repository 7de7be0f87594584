package cuda

import (
	"fmt"
	"slices"
	"strings"
)

// A Judgement is what an image asks for, and whether it is there.
type Judgement struct {
	Wanted bool     `json:"wanted"` // the image is one for GPUs
	Met    Truth    `json:"met"`    // of what it requires
	Facts  []string `json:"facts"`  // sentences, for a person
}

// Judge reads the environment of an image and holds it against the driver, which is nil
// where none is loaded.
func Judge(env []string, d *Driver) Judgement {
	vars := variables(env)
	j := Judgement{Met: Yes}
	if devices := vars["NVIDIA_VISIBLE_DEVICES"]; devices != "" && devices != "void" && devices != "none" {
		j.Wanted = true
		j.say("it asks for these GPUs: %.200s (NVIDIA_VISIBLE_DEVICES)", devices)
	}
	if version := vars["CUDA_VERSION"]; version != "" {
		j.Wanted = true
		j.say("it holds CUDA %.50s (CUDA_VERSION)", version)
	}
	requires := requirements(vars)
	j.Wanted = j.Wanted || len(requires) > 0
	if !j.Wanted {
		return j
	}
	j.sayDriver(d)
	for _, r := range requires {
		j.require(r, vars[r], d)
	}
	return j
}

func variables(env []string) map[string]string {
	vars := make(map[string]string, len(env))
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		vars[k] = v
	}
	return vars
}

// requirements returns the names of the variables with conditions, all of which must be
// met.
func requirements(vars map[string]string) []string {
	if v := strings.ToLower(vars["NVIDIA_DISABLE_REQUIRE"]); v == "1" || v == "true" {
		return nil
	}
	var names []string
	for k, v := range vars {
		if strings.HasPrefix(k, "NVIDIA_REQUIRE_") && v != "" {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names
}

func (j *Judgement) say(format string, args ...any) {
	j.Facts = append(j.Facts, fmt.Sprintf(format, args...))
}

// NoDriver is the fact that there is none.
const NoDriver = "no NVIDIA driver is loaded here"

func (j *Judgement) sayDriver(d *Driver) {
	if d == nil {
		j.say(NoDriver)
		return
	}
	if version, ok := d.CUDA(); ok {
		j.say("the driver here is %s, which supports CUDA up to %s", d.Version, version)
	} else {
		j.say("the driver here is %s; which CUDA it supports is unknown", d.Version)
	}
}

// require judges one condition.
func (j *Judgement) require(name, condition string, d *Driver) {
	r, err := ParseRequire(condition)
	if err != nil {
		j.Met = j.Met.and(Unknown)
		j.say("%s is not understood: %v", name, err)
		return
	}
	met := Unknown
	if d != nil {
		met = r.Met(*d)
	}
	j.Met = j.Met.and(met)
	text := map[Truth]string{Yes: "met", No: "not met", Unknown: "unknown whether it is met"}[met]
	j.say("%s: %.100s: %s", name, first(condition), text)
}

// first returns the first alternative of a condition: the others are exceptions for older
// drivers of data centre GPUs.
func first(condition string) string {
	words := strings.Fields(condition)
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return fmt.Sprintf("%s, or one of %d more", words[0], len(words)-1)
}
