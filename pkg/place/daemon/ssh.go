package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// sshEndpoint reaches an engine through the installed ssh and the docker of the
// other side, as the docker command does.
func sshEndpoint(host string, ssh []string) (*endpoint, error) {
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("%.200q is no address of an engine", redacted(host))
	}
	if _, ok := u.User.Password(); ok {
		return nil, fmt.Errorf("%s: ssh takes no password in the address", redacted(host))
	}
	if len(ssh) == 0 {
		ssh = []string{"ssh"}
	}
	args := append([]string{}, ssh...)
	args = append(args, "-o", "ConnectTimeout=30", "-T")
	if name := u.User.Username(); name != "" {
		args = append(args, "-l", name)
	}
	if port := u.Port(); port != "" {
		args = append(args, "-p", port)
	}
	args = append(args, "--", u.Hostname(), "docker", "system", "dial-stdio")
	return &endpoint{
		text: host, scheme: "http", host: "docker",
		dial: func(context.Context) (net.Conn, error) { return dialCommand(args) },
	}, nil
}

// commandConn is a connection to what a command talks to on its stdin and stdout.
type commandConn struct {
	io.Reader
	io.WriteCloser
	cmd    *exec.Cmd
	stderr *bounded
	once   sync.Once
}

// dialCommand starts the command. It outlives the context of dialling, as a
// connection does, and ends with Close.
func dialCommand(args []string) (net.Conn, error) {
	c := &commandConn{cmd: exec.Command(args[0], args[1:]...), stderr: new(bounded)}
	c.cmd.Stderr = c.stderr
	var err error
	if c.WriteCloser, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.Reader, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// Read explains the end with what the command said: there is no connection
// before it has spoken, so that its first failure shows here.
func (c *commandConn) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil {
		c.end(endGrace)
		if why := c.stderr.String(); why != "" {
			err = fmt.Errorf("%s: %s", c.cmd.Args[0], why)
		}
	}
	return n, err
}

// endGrace is how long a command that has closed its stdout may take to end.
const endGrace = 2 * time.Second

// Close ends the command and waits for it.
func (c *commandConn) Close() error {
	c.end(0)
	return nil
}

// end closes the command's stdin, kills it after grace, and waits for it. What
// it says of its end is in stderr.
func (c *commandConn) end(grace time.Duration) {
	c.once.Do(func() {
		_ = c.WriteCloser.Close()
		timer := time.AfterFunc(grace, func() { _ = c.cmd.Process.Kill() })
		defer timer.Stop()
		_ = c.cmd.Wait()
	})
}

func (c *commandConn) LocalAddr() net.Addr              { return commandAddr(c.cmd.Args[0]) }
func (c *commandConn) RemoteAddr() net.Addr             { return commandAddr(c.cmd.Args[0]) }
func (c *commandConn) SetDeadline(time.Time) error      { return nil }
func (c *commandConn) SetReadDeadline(time.Time) error  { return nil }
func (c *commandConn) SetWriteDeadline(time.Time) error { return nil }

type commandAddr string

func (a commandAddr) Network() string { return "command" }
func (a commandAddr) String() string  { return string(a) }

// bounded keeps the beginning of what is written to it.
type bounded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	const most = 4 << 10
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Write(p[:min(len(p), most-b.b.Len())])
	return len(p), nil
}

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.TrimSpace(b.b.String())
}
