package main

// edits are jobs beyond carrying: looking into images and changing them. Of the
// peers only crane and umoci do any of it.
func edits() []job {
	return []job{
		{name: "verify", tools: map[string]func(env) []string{
			"dray":  func(e env) []string { return e.cmd("verify", e.src[0]) },
			"crane": func(e env) []string { return e.onePlatform("validate", "--remote", e.src[0]) },
		}},
		{name: "list files", tools: map[string]func(env) []string{
			"dray": func(e env) []string { return e.onePlatform("files", e.src[0]) },
		}},
		{name: "export", tools: map[string]func(env) []string{
			"dray":  func(e env) []string { return e.onePlatform("export", e.src[0], "-o", e.out+"/fs.tar") },
			"crane": func(e env) []string { return e.onePlatform("export", e.src[0], e.out+"/fs.tar") },
		}},
		{name: "unpack", tools: map[string]func(env) []string{
			"dray":  func(e env) []string { return e.onePlatform("export", "oci:"+e.dir+":1", "--dir", e.out+"/fs") },
			"umoci": func(e env) []string { return e.onePlatform("raw", "unpack", "--image", e.dir+":1", e.out+"/fs") },
		}},
		{name: "append", write: true, tools: map[string]func(env) []string{
			"dray":  func(e env) []string { return e.onePlatform("append", e.src[0], "--layer", e.extra, "-t", e.near) },
			"crane": func(e env) []string { return e.onePlatform("append", "-b", e.src[0], "-f", e.extra, "-t", e.near) },
		}},
		{name: "flatten", write: true, tools: map[string]func(env) []string{
			"dray":  func(e env) []string { return e.onePlatform("flatten", e.src[0], "-t", e.to) },
			"crane": func(e env) []string { return e.onePlatform("flatten", e.src[0], "-t", e.to) },
		}},
	}
}

// onePlatform is cmd for what is of one platform: not an index, which tools take for
// different things.
func (e env) onePlatform(args ...string) []string {
	if e.is == "index" {
		return nil
	}
	return e.cmd(args...)
}
