package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/dray-oci/dray/cmd/dray/internal/ui"
)

var update = flag.Bool("update", false, "write the command pages in docs/commands instead of comparing them")

// pages is where the page of each command lies.
var pages = filepath.Join("..", "..", "..", "..", "docs", "commands")

func testRoot() *cobra.Command {
	streams, _, _ := ui.Buffers("")
	root := newRoot(&app{streams: streams, env: Env{Streams: streams}})
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	return root
}

// TestCommandPages holds docs/commands against the commands themselves.
// go test ./cmd/dray/internal/cli -run TestCommandPages -update writes them anew.
func TestCommandPages(t *testing.T) {
	want := map[string]string{}
	each(testRoot(), func(c *cobra.Command) {
		var buf bytes.Buffer
		if err := doc.GenMarkdown(c, &buf); err != nil {
			t.Fatal(err)
		}
		want[strings.ReplaceAll(c.CommandPath(), " ", "_")+".md"] = buf.String()
	})
	if *update {
		writePages(t, want)
	}
	got := map[string]string{}
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(f)] = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/commands differs from the commands: run this test with -update\n%s", d)
	}
}

func writePages(t *testing.T, pagesByName map[string]string) {
	if err := os.RemoveAll(pages); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(pages, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, page := range pagesByName {
		if err := os.WriteFile(filepath.Join(pages, name), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// each calls f for c and every command below it that people see.
func each(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			each(sub, f)
		}
	}
}

func TestHelpIsComplete(t *testing.T) {
	each(testRoot(), func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short help is %q", c.CommandPath(), c.Short)
		}
		if strings.HasPrefix(c.CommandPath(), "dray completion") || c.HasSubCommands() || c.Name() == "version" || c.Name() == "demo" {
			return
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	})
}
