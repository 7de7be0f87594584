package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// fakeSSH is an ssh that runs the command on this machine, with the home that FAR_HOME
// says instead of ours. At the host "bare" there is no dray, and at "deaf" no answer.
// It exits with 255, as ssh does, when it has been called in a way it should not be.
func fakeSSH() {
	args := os.Args[1:]
	i := slices.Index(args, "--")
	if i < 0 || len(args) != i+3 || args[0] != "-T" {
		fmt.Fprintf(os.Stderr, "ssh: called with %q\n", args)
		os.Exit(255)
	}
	host, command := args[i+1], args[i+2]
	if host == "deaf" {
		fmt.Fprintf(os.Stderr, "ssh: connect to host %s port 22: Connection refused\n", host)
		os.Exit(255)
	}
	fmt.Println("welcome to", host) // as the files that a shell reads when it starts may say
	fmt.Fprintln(os.Stderr, args[:i])
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	home := os.Getenv("FAR_HOME")
	cmd.Env = append(os.Environ(), "HOME="+home, "DRAY_HOME="+home, "TMPDIR="+home)
	cmd.Dir = home
	if host == "bare" {
		cmd.Env = append(cmd.Env, "PATH=/usr/bin:/bin")
	}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() > 0 {
			os.Exit(cmd.ProcessState.ExitCode())
		}
		os.Exit(255)
	}
}
