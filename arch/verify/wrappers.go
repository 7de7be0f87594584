package verify

import (
	"path"
	"slices"
	"strings"
)

// A wrapper is a program whose arguments name the program that it starts.
type wrapper struct {
	words int      // before that program, options not counted
	takes []string // options that have a value of their own
}

// wrapperNamed knows the wrappers that images start with.
func wrapperNamed(name string) (wrapper, bool) {
	w, ok := map[string]wrapper{
		"tini":        {0, []string{"-e", "-p"}},
		"tini-static": {0, []string{"-e", "-p"}},
		"docker-init": {0, []string{"-e", "-p"}},
		"catatonit":   {0, []string{"-c"}},
		"dumb-init":   {0, []string{"-r", "--rewrite"}},
		"gosu":        {1, nil},
		"su-exec":     {1, nil},
		"setpriv":     {0, []string{"--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set", "--ambient-caps"}},
		"nice":        {0, []string{"-n", "--adjustment"}},
		"nohup":       {0, nil},
		"setsid":      {0, nil},
		"exec":        {0, []string{"-a"}},
		"stdbuf":      {0, []string{"-i", "-o", "-e"}},
		"timeout":     {1, []string{"-k", "-s", "--kill-after", "--signal"}},
		"xvfb-run":    {0, []string{"-s", "-n", "-e", "-f", "-w"}},
	}[name]
	return w, ok
}

// startedBy returns what the program that argv begins with starts according to its
// arguments, and whether that is sure; nil if it is no wrapper.
func startedBy(argv []string) (next []string, sure bool) {
	name := strings.TrimSuffix(strings.ToLower(argv[0][strings.LastIndexAny(argv[0], `/\`)+1:]), ".exe")
	args := argv[1:]
	switch {
	case name == "env":
		return startedByEnv(args), true
	case slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "busybox"}, name):
		return startedByShell(args), false
	}
	w, ok := wrapperNamed(name)
	if !ok {
		return nil, false
	}
	args = skipOptions(args, w.takes)
	if len(args) <= w.words {
		return nil, false
	}
	return args[w.words:], true
}

// skipOptions drops options, their values, and the "--" that ends them.
func skipOptions(args, takes []string) []string {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		if args[0] == "--" {
			return args[1:]
		}
		if slices.Contains(takes, args[0]) {
			args = args[1:]
		}
		args = args[min(1, len(args)):]
	}
	return args
}

// startedByEnv: options, assignments, a program. -S splits its value, which also is how
// a "#!" line passes several words.
func startedByEnv(args []string) []string {
	if len(args) > 0 {
		for _, option := range []string{"-S", "--split-string=", "-vS", "-iS"} {
			if rest, ok := strings.CutPrefix(args[0], option); ok {
				args = append(strings.Fields(rest), args[1:]...)
				break
			}
		}
	}
	args = skipOptions(args, []string{"-u", "--unset", "-C", "--chdir"})
	for len(args) > 0 && strings.Contains(args[0], "=") {
		args = args[1:]
	}
	return args
}

// startedByShell returns the first command of a script given with -c, or a script that is
// given as a file. What a shell does before it comes to that is not looked at.
func startedByShell(args []string) []string {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		isScript := strings.HasSuffix(args[0], "c") && !strings.HasPrefix(args[0], "--")
		args = args[1:]
		if isScript && len(args) > 0 {
			return firstCommand(args[0])
		}
	}
	return args
}

// firstCommand returns the words of the first command of a shell script if they are
// plain: exec, assignments before it, and what follows the first operator left out.
func firstCommand(script string) []string {
	if end := strings.IndexAny(script, ";&|\n<>()"); end >= 0 {
		script = script[:end]
	}
	words := strings.Fields(script)
	for len(words) > 0 && (words[0] == "exec" || isAssignment(words[0])) {
		words = words[1:]
	}
	for i, w := range words {
		if strings.ContainsAny(w, "$`\"'\\*?[{~#") {
			words = words[:i]
			break
		}
	}
	return words
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && path.Base(name) == name
}
