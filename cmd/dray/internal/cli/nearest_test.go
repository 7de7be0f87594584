package cli

import "testing"

func TestNearest(t *testing.T) {
	flags := []string{"platform", "progress", "password-stdin", "jobs", "all", "as"}
	files := []string{"app.tgz", "image.tar", "Have.json"}
	for _, c := range []struct {
		word  string
		words []string
		want  string
	}{
		{"platfrom", flags, "platform"},
		{"platforms", flags, "platform"},
		{"pass", flags, ""},
		{"job", flags, "jobs"},
		{"al", flags, "all"},
		{"x", flags, ""},
		{"compress", flags, ""},
		{"", flags, ""},
		{"imgae.tar", files, "image.tar"},
		{"app.tar", files, "app.tgz"},
		{"have.json", files, "Have.json"},
		{"image.tar", files, "image.tar"},
		{"xyz.tar", files, ""},
	} {
		if got := nearest(c.word, c.words); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
