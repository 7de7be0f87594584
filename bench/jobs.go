package main

// A job is one way that images go, and how each tool is told to. A tool that
// cannot, or would do only a part of it, says nil.
type job struct {
	name  string
	again bool // what is measured is the same command over its own result
	write bool // goes to a registry, which has nothing yet
	tools map[string]func(env) []string
}

// env is what commands are made of.
type env struct {
	bin  string
	src  []string // images at the source registry
	is   string   // name of the shape
	dir  string   // layout with the image 1
	tar  string   // the same as an archive
	out  string   // empty folder
	list string   // file with the lines of src
	to   string   // image at the other registry, which has nothing yet
	near string   // a new image in the repository of the first of src

	extra string   // a small layer
	hosts []string // options by which regctl learns that the registries speak plain HTTP
}

func (e env) isOne() bool { return len(e.src) == 1 }

// cmd is the command if there is just one image.
func (e env) cmd(args ...string) []string {
	if !e.isOne() {
		return nil
	}
	return append([]string{e.bin}, args...)
}

func (e env) regctl(args ...string) []string { return e.cmd(append(e.hosts, args...)...) }

// jobs are all of them. Every tool has the options that it has by default.
func jobs() []job {
	once := []job{
		{name: "registry to archive", tools: toArchive()},
		{name: "registry to layout", tools: toLayout()},
		{name: "layout to registry", tools: fromLayout(), write: true},
		{name: "archive to registry", tools: fromArchive(), write: true},
		{name: "registry to registry", tools: between(), write: true},
	}
	all := once
	for _, j := range once {
		j.name, j.again = j.name+" again", true
		all = append(all, j)
	}
	return append(all, edits()...)
}

func toArchive() map[string]func(env) []string {
	return map[string]func(env) []string{
		"fetch": func(e env) []string { return append([]string{e.bin, "fetch"}, e.src...) },
		"dray": func(e env) []string {
			return []string{e.bin, "save", "--platform", "all", "-f", e.list, "-o", e.out + "/a.tar"}
		},
		"crane": func(e env) []string {
			if e.is == "index" { // it takes one platform of it
				return nil
			}
			return append(append([]string{e.bin, "pull"}, e.src...), e.out+"/a.tar")
		},
		"regctl": func(e env) []string { return e.regctl("image", "export", e.src[0], e.out+"/a.tar") },
		"skopeo": func(e env) []string {
			if e.is == "index" {
				return nil
			}
			return e.cmd("copy", "--src-tls-verify=false", "docker://"+e.src[0], "docker-archive:"+e.out+"/a.tar:example.com/a:1")
		},
	}
}

func toLayout() map[string]func(env) []string {
	return map[string]func(env) []string{
		"dray":  func(e env) []string { return e.cmd("copy", e.src[0], "oci:"+e.out+"/l:1") },
		"crane": func(e env) []string { return e.cmd("pull", "--format=oci", e.src[0], e.out+"/l") },
		"oras": func(e env) []string {
			return e.cmd("cp", "--no-tty", "--from-plain-http", "--to-oci-layout", e.src[0], e.out+"/l:1")
		},
		"regctl": func(e env) []string { return e.regctl("image", "copy", e.src[0], "ocidir://"+e.out+"/l:1") },
		"skopeo": func(e env) []string {
			return e.cmd("copy", "--all", "--src-tls-verify=false", "docker://"+e.src[0], "oci:"+e.out+"/l:1")
		},
	}
}

func fromLayout() map[string]func(env) []string {
	return map[string]func(env) []string{
		"send":  func(e env) []string { return e.cmd("send", e.dir, e.to) },
		"dray":  func(e env) []string { return e.cmd("copy", "oci:"+e.dir+":1", e.to) },
		"crane": func(e env) []string { return e.cmd("push", e.dir, e.to) },
		"oras": func(e env) []string {
			return e.cmd("cp", "--no-tty", "--from-oci-layout", "--to-plain-http", e.dir+":1", e.to)
		},
		"regctl": func(e env) []string { return e.regctl("image", "copy", "ocidir://"+e.dir+":1", e.to) },
		"skopeo": func(e env) []string {
			return e.cmd("copy", "--all", "--dest-tls-verify=false", "oci:"+e.dir+":1", "docker://"+e.to)
		},
	}
}

func fromArchive() map[string]func(env) []string {
	return map[string]func(env) []string{
		"dray": func(e env) []string { return e.cmd("push", e.tar, e.to) },
		"crane": func(e env) []string {
			if e.is == "index" {
				return nil
			}
			return e.cmd("push", e.tar, e.to)
		},
		"oras": func(e env) []string {
			return e.cmd("cp", "--no-tty", "--from-oci-layout", "--to-plain-http", e.tar+":1", e.to)
		},
		"regctl": func(e env) []string { return e.regctl("image", "import", e.to, e.tar) },
		"skopeo": func(e env) []string {
			return e.cmd("copy", "--all", "--dest-tls-verify=false", "oci-archive:"+e.tar, "docker://"+e.to)
		},
	}
}

func between() map[string]func(env) []string {
	return map[string]func(env) []string{
		"dray":  func(e env) []string { return e.cmd("copy", e.src[0], e.to) },
		"crane": func(e env) []string { return e.cmd("copy", e.src[0], e.to) },
		"oras": func(e env) []string {
			return e.cmd("cp", "--no-tty", "--from-plain-http", "--to-plain-http", e.src[0], e.to)
		},
		"regctl": func(e env) []string { return e.regctl("image", "copy", e.src[0], e.to) },
		"skopeo": func(e env) []string {
			return e.cmd("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+e.src[0], "docker://"+e.to)
		},
	}
}
